import type { Secret } from '../../../base/secret.ts';
import type { StretchedAhead } from './stretched-ahead.ts';

/** What somebody opens a repository with. */
export type Credentials =
  | {
      readonly kind: 'passphrase';
      readonly passphrase: Secret;
      /** What was begun before any slot was there. */
      readonly ahead?: StretchedAhead | undefined;
    }
  /** The text of an age identity file. */
  | { readonly kind: 'identity'; readonly identityFile: Secret }
  /** From a recovery sheet; both are all it takes. */
  | { readonly kind: 'recovery'; readonly root: Uint8Array; readonly repositoryId: Uint8Array }
  /** For repositories that are open to anyone. A passphrase never opens such a slot: whoever holds the storage could put one there. */
  | { readonly kind: 'none' };
