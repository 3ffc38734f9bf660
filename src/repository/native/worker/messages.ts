import type { ErrorCode } from '../../../base/errors.ts';
import type { ThreadFailure } from '../../../base/thread-failure.ts';
import type { ChunkerParameters } from '../../../codec/chunker/parameters.ts';
import type { BlobTableMemory } from '../index/blob-table.ts';
import type { FinishedPack, PackContext } from '../packs/pack-builder.ts';
import type { ExpectedFile } from './content-module.ts';

/** What the threads of a backup say to each other. */

/** Everything a store worker needs; its packs are data packs. */
export interface StoreWorkerSetup {
  readonly table: BlobTableMemory;
  readonly context: Omit<PackContext, 'signer' | 'random'> & { readonly signerSeed: Uint8Array };
  readonly idKey: Uint8Array;
  readonly chunkKey: Uint8Array;
  readonly chunker: ChunkerParameters;
  /** Address of a `ContentModule`. */
  readonly contentModule: string;
  /** See pack-memory.ts. */
  readonly packStates: SharedArrayBuffer;
}

export interface FileRequest {
  readonly path: Uint8Array;
  /** For messages, where `path` is a short way to it. */
  readonly displayPath: Uint8Array;
  readonly expected: ExpectedFile;
}

/** A part of a large file: `path` is opened anew by whoever works on it. */
export interface RegionRequest extends FileRequest {
  readonly offset: number;
  readonly length: number;
}

export type StoreTask =
  /** Store whole files, one after the other; see file-batch.ts. */
  | { readonly type: 'files'; readonly requests: Uint8Array<ArrayBuffer> }
  /** Find the loose positions p, offset ≤ p < offset + length, of the data that begins at `start`. */
  | { readonly type: 'scan'; readonly region: RegionRequest; readonly start: number }
  /** Store the chunks that begin at region.offset and have these lengths. */
  | { readonly type: 'chunks'; readonly region: RegionRequest; readonly lengths: readonly number[] }
  /** Store chunks that are already in memory. */
  | { readonly type: 'blobs'; readonly blobs: readonly Uint8Array[] }
  /** Finish the pack that is being built. */
  | { readonly type: 'flush' };

/** How one file went. */
export interface FileOutcome {
  /** The encoded content list (native.md, section 7.3). */
  readonly list: Uint8Array;
  /** Bytes of content that were stored or found. */
  readonly size: number;
  /** `steady`: as it was found; `moved`: it changed and was read again; `torn`: it went on changing while it was read. */
  readonly state: 'steady' | 'moved' | 'torn';
}

export interface ProblemReport {
  readonly code: ErrorCode;
  readonly message: string;
}

export type StoreResult =
  | { readonly type: 'files'; readonly outcomes: Uint8Array<ArrayBuffer> }
  | { readonly type: 'scan'; readonly loose: readonly number[] }
  /** 32 bytes an id. `short`: the file ended before the chunks did. */
  | { readonly type: 'ids'; readonly ids: Uint8Array; readonly short: boolean }
  | { readonly type: 'problem'; readonly problem: ProblemReport }
  | { readonly type: 'flushed' };

export type FromStoreWorker =
  /** Its bytes lie in a slot of the worker's pack memory. */
  | { readonly pack: FinishedPack; readonly slot: number }
  /** The end of a task; they come in the order of the tasks. */
  | { readonly result: StoreResult; readonly rawAdded: number }
  | { readonly failure: ThreadFailure };
