import { systemClock, type Clock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { backup, type BackupInput } from '../../src/engine/backup.ts';
import type { OperationEvent, SummaryEvent } from '../../src/model/event.ts';
import { compilePathFilter } from '../../src/model/path-filter.ts';
import {
  createRepository,
  openRepository,
  type LocalPlaces,
  type NativeRepository,
} from '../../src/repository/native/native-repository.ts';
import { MemoryStorage } from '../../src/storage/drivers/memory/memory.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { forward } from '../../src/storage/layers/forward.ts';

/** One machine: where it keeps its state and its cache. */
export function machine(
  directory: string,
  name = 'laptop',
  clock: Clock = systemClock,
): LocalPlaces {
  return {
    stateDirectory: `${directory}/${name}/state`,
    cacheDirectory: `${directory}/${name}/cache`,
    hostName: name,
    clock,
    random: systemRandom,
    warn: () => undefined,
  };
}

/** Makes a repository that opens without any work. */
export async function createSmall(storage: Storage, places: LocalPlaces): Promise<void> {
  await using _repository = await createRepository(kept(storage), { kind: 'open' }, places);
}

export function openSmall(storage: Storage, places: LocalPlaces): Promise<NativeRepository> {
  return openRepository(kept(storage), { kind: 'none' }, places);
}

/** Makes a repository in memory that opens without any work, and opens it. */
export async function openInMemory(places: LocalPlaces): Promise<NativeRepository> {
  const storage = new MemoryStorage({ clock: places.clock });
  await createSmall(storage, places);
  return openRepository(storage, { kind: 'none' }, places);
}

export interface SmallBackup {
  readonly paths: readonly string[];
  readonly forceRead?: boolean;
  readonly workers?: number;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  /** Gets every event, of every entry. Without it, directories that are as they were are not gone through one by one. */
  readonly report?: (event: OperationEvent) => void;
  readonly source?: BackupInput['source'];
}

/** Backs up to an open repository. */
export function backUp(
  repository: NativeRepository,
  {
    paths,
    forceRead = false,
    workers = 1,
    clock = systemClock,
    signal,
    report,
    source,
  }: SmallBackup,
): Promise<SummaryEvent> {
  return backup(
    repository,
    {
      source: source ?? { kind: 'files', paths },
      filter: compilePathFilter([]),
      walk: {},
      hostName: 'laptop',
      userName: 'somebody',
      tags: [],
      program: 'test',
      verify: true,
      compressionLevel: 1,
      workers,
      forceRead,
      verbose: report !== undefined,
    },
    {
      clock,
      signal: signal ?? new AbortController().signal,
      report: report ?? (() => undefined),
    },
  );
}

/** Opens, backs up, closes. Gives the id of the snapshot. */
export async function backUpOnce(
  storage: Storage,
  places: LocalPlaces,
  input: SmallBackup,
): Promise<string> {
  await using repository = await openSmall(storage, places);
  return (await backUp(repository, input)).snapshot!;
}

/** The same storage for whoever disposes of it while it is needed further. */
export function kept(storage: Storage): Storage {
  return { ...forward(storage), async [Symbol.asyncDispose]() {} };
}
