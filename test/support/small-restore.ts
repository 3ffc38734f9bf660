import { existsSync, mkdirSync } from 'node:fs';

import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { restore, type RestoreInput } from '../../src/engine/restore.ts';
import type { OperationEvent, SummaryEvent } from '../../src/model/event.ts';
import { compilePathFilter } from '../../src/model/path-filter.ts';
import { listSnapshots } from '../../src/repository/native/reader/snapshot-list.ts';
import { MemoryStorage } from '../../src/storage/drivers/memory/memory.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { backUpOnce, createSmall, machine, openSmall } from './small-repository.ts';

export interface Restored {
  readonly summary: SummaryEvent;
  readonly events: readonly OperationEvent[];
}

/** Restores the newest snapshot. */
export async function restoreNewest(
  storage: Storage,
  place: string,
  input: Partial<RestoreInput>,
  { signal = new AbortController().signal }: { readonly signal?: AbortSignal } = {},
): Promise<Restored> {
  await using repository = await openSmall(storage, machine(place));
  const { snapshots } = await listSnapshots(repository.access);
  const events: OperationEvent[] = [];
  const summary = await restore(
    repository.access,
    {
      snapshot: snapshots.at(-1)!,
      target: `${place}/target`,
      filter: compilePathFilter([]),
      delete: false,
      kept: [],
      dryRun: false,
      verify: false,
      owners: 'numbers',
      workers: 2,
      verbose: true,
      ...input,
    },
    { clock: systemClock, signal, report: (event) => events.push(event) },
  );
  return { summary, events };
}

export function problemsOf({ events }: Restored): string[] {
  return events.flatMap((event) =>
    event.type === 'problem' && event.severity === 'error' ? [event.error.message] : [],
  );
}

export function actionsOf({ events }: Restored, action: string): string[] {
  return events.flatMap((event) =>
    event.type === 'entry' && event.action === action ? [Buffer.from(event.path).toString()] : [],
  );
}

/** A repository in memory with one snapshot of what `make` puts into a directory. */
export async function snapshotOf(
  place: string,
  make: (source: string) => void,
  storage: MemoryStorage = new MemoryStorage(),
): Promise<{ readonly storage: MemoryStorage; readonly source: string; readonly target: string }> {
  const source = `${place}/source`;
  if (!existsSync(source)) mkdirSync(source);
  make(source);
  if (!(await storage.stat('holdfast').catch(() => false))) {
    await createSmall(storage, machine(place));
  }
  await backUpOnce(storage, machine(place), { paths: [source] });
  return { storage, source, target: `${place}/target` };
}

/** Random bytes from `seed` on; large enough for several chunks. */
export function noise(length: number): Uint8Array {
  return systemRandom(length);
}
