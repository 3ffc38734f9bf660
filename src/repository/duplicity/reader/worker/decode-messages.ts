import type { ThreadFailure } from '../../../../base/thread-failure.ts';
import type { AreaPlace } from '../temporary-store.ts';

/** What the thread that decodes volumes is told, and what it answers. */

export interface DecodeTask {
  readonly place: AreaPlace;
  readonly coding: 'gzip' | 'openpgp';
  /** Opens OpenPGP messages. */
  readonly passphrase: Uint8Array | undefined;
  /** How many pieces may be under way, at least 1. */
  readonly ahead: number;
}

/** How long the pieces are at most, in bytes. */
export const pieceLength = 1 << 20;

export type ToDecodeWorker =
  | { readonly volume: number; readonly task: DecodeTask }
  /** A piece was used up. Its memory comes back, where nobody has it any more. */
  | { readonly volume: number; readonly used: true; readonly memory?: ArrayBuffer }
  /** The rest is not needed. */
  | { readonly volume: number; readonly close: true };

export type FromDecodeWorker =
  | { readonly volume: number; readonly piece: Uint8Array<ArrayBuffer> }
  | { readonly volume: number; readonly end: true }
  | { readonly volume: number; readonly failure: ThreadFailure };
