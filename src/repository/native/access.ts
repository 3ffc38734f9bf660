import type { CallOptions } from '../../base/call-options.ts';
import { AppError } from '../../base/errors.ts';
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
  /** Why settings cannot be read that may be newer than `settings`, if there are such. */
  readonly doubtedSettings?: AppError | undefined;
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

/** For whoever removes something: throws an `AppError` (`repository/damaged`) if what has to be kept might not be known. */
export function requireCertainSettings({ doubtedSettings }: Access): void {
  if (doubtedSettings === undefined) return;
  throw new AppError(
    'repository/damaged',
    `Nothing is removed, because the settings that say what has to be kept may be among these: ${doubtedSettings.message}`,
    {
      cause: doubtedSettings,
      hint: 'Run "holdfast check --repair", then try again',
    },
  );
}

/** Target size of packs where the settings name none. */
const defaultPackTarget = 16 * 1024 * 1024;

export function packTargetOf(access: Access): number {
  return access.settings.packTarget ?? defaultPackTarget;
}
