import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { ChunkerParameters } from '../../codec/chunker/parameters.ts';
import type { Storage } from '../../storage/storage.ts';
import type { KeyRing } from './keys/key-ring.ts';
import type { Settings } from './objects/settings.ts';
import type { Signing, Verifying } from './objects/signed-object.ts';

/** An opened repository, as every operation on it needs it: where it is, what this machine may do, and who vouches for what. */
export interface Access {
  readonly storage: Storage;
  /** The same without the copies that this machine keeps: for whoever is to prove what lies there. Missing where there are none. */
  readonly stored?: Storage | undefined;
  readonly keys: KeyRing;
  readonly chunker: ChunkerParameters;
  readonly settings: Settings;
  /** This machine's id, 32 hexadecimal digits, and the seed of its signing key. */
  readonly hostId: string;
  readonly hostSeed: Uint8Array;
  /** Signs as this machine. */
  readonly signing: Signing;
  readonly verifying: Verifying;
  /** Reads the certificates of all machines again: for whoever finds an object of one that came after this program began. */
  readonly refreshSigners: (options?: CallOptions) => Promise<void>;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/** The same access for reading nothing but what lies in the storage. */
export function pastCopies(access: Access): Access {
  const { stored } = access;
  return stored === undefined ? access : { ...access, storage: stored };
}

/** Target size of packs where the settings name none. */
const defaultPackTarget = 16 * 1024 * 1024;

export function packTargetOf(access: Access): number {
  return access.settings.packTarget ?? defaultPackTarget;
}
