import { join } from 'node:path';

import { toHex } from '../../base/bytes.ts';
import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import { AppError, hasCode } from '../../base/errors.ts';
import type { RandomBytes } from '../../base/random.ts';
import { caching } from '../../storage/layers/caching.ts';
import type { Storage } from '../../storage/storage.ts';
import type { Access } from './access.ts';
import { copiesDirectory } from './copies-directory.ts';
import { SuspectMemory } from './check/suspect-memory.ts';
import { HostDirectory } from './hosts/host-directory.ts';
import { LiveRuns } from './hosts/live-runs.ts';
import { localSlotMemory } from './hosts/local-slot-memory.ts';
import { LocalState } from './hosts/local-state.ts';
import { OwnSeals } from './hosts/own-seals.ts';
import { registerHost } from './hosts/register-host.ts';
import type { Credentials } from './keys/credentials.ts';
import type { KeyRing } from './keys/key-ring.ts';
import { accessFor } from './keys/description.ts';
import { completeInit, initialise, type FirstProtection } from './keys/initialise.ts';
import { unlock, type Unlocked } from './keys/unlock.ts';
import type { NamedObject } from './objects/signed-object.ts';
import { parseObjectName } from './objects/object-name.ts';
import type { ObjectSigner } from './objects/signed-body.ts';
import {
  decodeSettings,
  defaultSettings,
  newestSettings,
  type Settings,
} from './objects/settings.ts';
import { isCopied, soundness } from './object-copies.ts';
import { type ReadAhead, readAhead } from './read-ahead.ts';
import type { SourceCachePlace } from './writer/open-source-cache.ts';
import type { SealSequence } from './writer/seal-sequence.ts';

/** Where a machine keeps what belongs to it, and the outside world. */
export interface LocalPlaces {
  /** What must not be lost lightly: this machine's key in each repository. */
  readonly stateDirectory: string;
  /** What can be lost at any time; undefined: nothing is kept. */
  readonly cacheDirectory: string | undefined;
  /** What this machine is called. */
  readonly hostName: string;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Told of problems that only cost speed. */
  readonly warn: (problem: AppError) => void;
}

/** A native repository that is open, as the operations of the engine take it. */
export class NativeRepository implements AsyncDisposable {
  readonly access: Access;
  readonly unlocked: Unlocked;
  readonly hosts: HostDirectory;
  readonly local: LocalState;
  readonly sealSequence: SealSequence;
  readonly liveRuns: LiveRuns;
  readonly suspects: SuspectMemory;
  /** A repository with features that this program does not know may be read, not written. */
  readonly isReadOnly: boolean;
  /** Objects that had to be read to open it and do not count, because they are damaged. */
  readonly problems: readonly AppError[];
  /** Where it lies in this machine's file system, if it does. */
  readonly localPath: string | undefined;
  readonly #places: LocalPlaces;

  constructor(
    { access, unlocked, hosts, local, isReadOnly, problems }: OpenedParts,
    localPath: string | undefined,
    places: LocalPlaces,
  ) {
    this.access = access;
    this.unlocked = unlocked;
    this.hosts = hosts;
    this.local = local;
    this.isReadOnly = isReadOnly;
    this.problems = problems;
    this.localPath = localPath;
    this.#places = places;
    const state = join(places.stateDirectory, toHex(unlocked.ring.repositoryId));
    this.sealSequence = new OwnSeals(access, state, places.warn);
    this.liveRuns = new LiveRuns(state, places.warn);
    this.suspects = new SuspectMemory(state);
  }

  /** Throws an `AppError` (`repository/read-only`) if this program must not write here. */
  requireWritable(): void {
    if (!this.isReadOnly) return;
    throw new AppError(
      'repository/read-only',
      'A newer program has to be used to write to this repository',
      {
        hint: 'Reading and restoring work; update Holdfast to write',
      },
    );
  }

  /** For a repository that was opened for reading: makes this machine known there, and gives what it takes to write. Throws what `registerHost` throws. */
  async beginWriting({ signal }: CallOptions = {}): Promise<Access> {
    this.requireWritable();
    const { storage, keys, random, signing } = this.access;
    const { clock, hostName: name } = this.#places;
    const registering = { clock, random, name, signal };
    const signer = await registerHost(storage, keys, this.hosts, this.local, registering);
    const { host = nobody } = this.local;
    return {
      ...this.access,
      hostId: host.id,
      hostSeed: host.seed,
      signing: { ...signing, signer },
    };
  }

  /** Where this machine keeps what it remembers of sources. */
  get sourceCachePlace(): SourceCachePlace {
    const { cacheDirectory, warn } = this.#places;
    return { cacheDirectory, repositoryId: toHex(this.unlocked.ring.repositoryId), warn };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.access.storage[Symbol.asyncDispose]();
  }
}

/** What opening brings together. */
interface OpenedParts {
  readonly access: Access;
  readonly unlocked: Unlocked;
  readonly hosts: HostDirectory;
  readonly local: LocalState;
  readonly isReadOnly: boolean;
  readonly problems: readonly AppError[];
}

export interface OpenRepositoryOptions extends CallOptions {
  /** Where it lies in this machine's file system, if it does. */
  readonly localPath?: string | undefined;
  /** Nothing will be written: this machine need not be known there, and nothing is published to make it so. */
  readonly readOnly?: boolean;
  /** It was made just now: what listings do not show yet is there all the same. */
  readonly isNew?: boolean;
  /** What was begun to be read while the keys were not known. */
  readonly ahead?: ReadAhead;
}

/** Opens a repository. Throws what `unlock` and `registerHost` throw. */
export async function openRepository(
  storage: Storage,
  credentials: Credentials,
  places: LocalPlaces,
  options: OpenRepositoryOptions = {},
): Promise<NativeRepository> {
  return openUnlocked(storage, await unlock(storage, credentials, options), places, options);
}

/** Makes a repository, or completes one whose making was interrupted, and opens it. Throws what `initialise` throws. */
export async function createRepository(
  storage: Storage,
  protection: FirstProtection,
  places: LocalPlaces,
  options: OpenRepositoryOptions = {},
): Promise<NativeRepository> {
  const { clock, random, hostName, stateDirectory, warn } = places;
  const unlocked = await initialise(storage, protection, {
    clock,
    random,
    label: hostName,
    memory: localSlotMemory(stateDirectory, random, warn),
    signal: options.signal,
  });
  return openUnlocked(storage, unlocked, places, { ...options, isNew: true });
}

/** The rest of opening a repository whose keys are there: for callers that unlock it while they load this module. Throws what `registerHost` throws. */
export async function openUnlocked(
  bare: Storage,
  unlocked: Unlocked,
  places: LocalPlaces,
  {
    localPath,
    readOnly = false,
    isNew = false,
    signal,
    ahead = readAhead(bare, { signal }),
  }: OpenRepositoryOptions,
): Promise<NativeRepository> {
  const { clock, random, hostName } = places;
  const { ring, description } = unlocked;
  // All at once: on a remote storage they cost a round trip or two each.
  const [hosts, local, found, certificates] = await Promise.all([
    HostDirectory.load(bare, ring, { stored: ahead.certificates, signal }),
    LocalState.open(places.stateDirectory, ring.repositoryId, random),
    ahead.settings,
    ahead.certificates,
  ]);
  // Only an init that was interrupted, perhaps by a kill, leaves neither; nobody would notice until a check.
  const mayBeUnfinished = !readOnly && !isNew && found.length === 0 && certificates.length === 0;
  const first = mayBeUnfinished ? await completeInit(bare, ring, { random, signal }) : undefined;
  const stored = first === undefined ? found : [first];
  const verifying = { keys: ring, findSigner: hosts.find };
  const storage = cached(bare, ring, verifying, places);
  const problems = [...hosts.problems];
  const { host: own } = local;
  const isOwnLost = own !== undefined && hosts.certificate(own.id) === undefined;
  // This machine may have copies of certificates that are damaged.
  if (problems.length > 0) await hosts.refresh(storage, { signal });
  const { settings, doubted, problems: ofSettings } = settingsThatCount(stored, verifying);
  problems.push(...ofSettings);
  const mode = accessFor([description.features, settings]);
  const registering = { clock, random, name: hostName, signal, isOwnLost };
  const signer = readOnly
    ? refusingSigner
    : await registerHost(storage, ring, hosts, local, registering);
  const { host = nobody } = local;
  const access: Access = {
    storage,
    stored: bare,
    keys: ring,
    chunker: description.chunker,
    settings,
    doubtedSettings: doubted,
    hostId: host.id,
    hostSeed: host.seed,
    signing: { keys: ring, signer, random },
    verifying,
    refreshSigners: (call = {}) => hosts.refresh(storage, call),
    clock,
    random,
  };
  const isReadOnly = mode === 'read-only';
  const parts = { access, unlocked, hosts, local, isReadOnly, problems };
  return new NativeRepository(parts, localPath, places);
}

const nobody = { id: '0'.repeat(32), seed: new Uint8Array(32) };

/** Stands for this machine where nothing may be written. */
const refusingSigner: ObjectSigner = {
  id: nobody.id,
  sign() {
    throw new AppError('internal', 'Nothing can be signed: the repository was opened for reading');
  },
};

interface CountingSettings {
  readonly settings: Settings;
  /** Why an object does not count that may be newer than these. */
  readonly doubted: AppError | undefined;
  readonly problems: readonly AppError[];
}

/** Damaged and foreign objects are passed over: whoever can put one there could as well remove those that count. */
function settingsThatCount(
  stored: readonly NamedObject[],
  verifying: Access['verifying'],
): CountingSettings {
  const all: Settings[] = [];
  const failed: { readonly number: number; readonly error: AppError }[] = [];
  for (const { name, bytes } of stored) {
    try {
      all.push(decodeSettings(name, bytes, verifying).value);
    } catch (error) {
      if (!hasCode(error, 'repository/damaged')) throw error;
      const parsed = parseObjectName(name);
      failed.push({ number: parsed?.type === 'settings' ? parsed.number : 0, error });
    }
  }
  const settings = newestSettings(all) ?? { ...defaultSettings, number: 0, id: '0'.repeat(32) };
  return {
    settings,
    doubted: failed.find(({ number }) => number >= settings.number)?.error,
    problems: failed.map(({ error }) => error),
  };
}

/** Objects that are written once and are small are read again and again: they are kept on this machine. */
function cached(
  storage: Storage,
  ring: KeyRing,
  verifying: Access['verifying'],
  { cacheDirectory, warn }: LocalPlaces,
): Storage {
  if (cacheDirectory === undefined) return storage;
  return caching(storage, {
    directory: copiesDirectory(cacheDirectory, toHex(ring.repositoryId)),
    cacheable: isCopied,
    isSound: soundness(ring, verifying),
    warn,
  });
}
