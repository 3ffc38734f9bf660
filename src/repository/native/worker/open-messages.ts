import type { ThreadFailure } from '../../../base/thread-failure.ts';
import type { PackKind } from '../packs/pack-table.ts';

/** What threads that open segments are told, and what they answer. */

export interface OpenWorkerSetup {
  readonly repositoryId: Uint8Array;
  readonly idKey: Uint8Array;
  readonly metaSeed: Uint8Array | undefined;
  readonly dataSeed: Uint8Array | undefined;
  /** Address of a `BlobSinkModule`, and what its sink is opened with. */
  readonly sinkModule: string;
  readonly sinkSetup: unknown;
}

/** A stretch of a pack and what is wanted of it. */
export interface OpenTask {
  readonly kind: PackKind;
  /** The pack's slots, 1184 bytes each. */
  readonly slots: readonly Uint8Array[];
  readonly bytes: Uint8Array;
  /** See `encodeWanted`. */
  readonly wanted: Uint8Array;
  /** For the sink. */
  readonly payload: Uint8Array;
}

/** Uses that got no blob, and why. */
export interface OpenFailure {
  readonly uses: readonly number[];
  readonly reason: string;
}

export interface OpenResult {
  /** What the sink said at the end. */
  readonly answer: unknown;
  readonly failures: readonly OpenFailure[];
}

export type ToOpenWorker =
  | { readonly work: OpenTask }
  /** Let the sink finish what it keeps. */
  | { readonly flush: true }
  /** Close the sink and end. */
  | { readonly close: true };

export type FromOpenWorker =
  /** What a sink has to say while it works. */
  | { readonly told: unknown }
  /** The end of a task or flush; they come in the order in which they were asked for. */
  | { readonly result: OpenResult }
  | { readonly failure: ThreadFailure };
