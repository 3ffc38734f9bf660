import type { ThreadFailure } from '../../../base/thread-failure.ts';
import type { DigestAlgorithm, FoundDigests } from './digests.ts';
import type { FilePart } from './file-part.ts';

/** What the thread that inspects temporary files is told, and what it answers; each task has a number. */

export type ToInspectWorker = { readonly task: number } &
  /** Digests are begun. */
  (
    | { readonly algorithms: readonly DigestAlgorithm[] }
    /** The next bytes that belong to them. */
    | { readonly part: FilePart }
    /** The last ones: what are the digests? */
    | { readonly rest: Uint8Array }
    /** Is this a message that was made with this passphrase? */
    | { readonly message: FilePart; readonly passphrase: Uint8Array }
    /** Nobody waits any more. */
    | { readonly drop: true }
  );

export type FromInspectWorker = { readonly task: number } & (
  | { readonly digests: FoundDigests }
  | { readonly isMessage: true }
  | { readonly failure: ThreadFailure }
);
