import type { KnownSigner } from '../objects/signed-body.ts';

/** What a thread needs to examine packs. */
export interface CheckWorkerSetup {
  readonly repositoryId: Uint8Array;
  readonly indexKey: Uint8Array;
  readonly idKey: Uint8Array;
  readonly metaSeed: Uint8Array | undefined;
  readonly dataSeed: Uint8Array | undefined;
  /** Everybody whose signature may stand on a pack. */
  readonly signers: readonly KnownSigner[];
}

/** A pack to be examined; the bytes are handed over. */
export interface CheckRequest {
  /** In hexadecimal. */
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What is wrong with a pack; nothing if both lists are empty. */
export interface PackExamination {
  /** Sentences about the pack itself. */
  readonly problems: readonly string[];
  /** Ids, in hexadecimal, of blobs that are not there or not what their ids say. */
  readonly badBlobs: readonly string[];
  /** The pack is exactly what was signed, and yet content is not what its ids say: whoever made it lied. */
  readonly isLie: boolean;
  /** SHA-256 of the table, in hexadecimal; undefined if it cannot be read. */
  readonly tableHash: string | undefined;
  readonly blobs: number;
  /** Nothing could be examined, because the certificate of this host is missing. */
  readonly unknownSigner?: string | undefined;
}

/** One for each pack, in the order in which they came. */
export type FromCheckWorker =
  | { readonly examination: PackExamination }
  | { readonly failure: string };
