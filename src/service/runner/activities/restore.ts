import { AppError } from '../../../base/errors.ts';
import { systemTimeZone } from '../../../base/time-zone.ts';
import type { BackupJob } from '../../../model/job.ts';
import { problemOfError } from '../../program/own-program.ts';
import {
  chooseRunSnapshot,
  type ListedSnapshot,
  listedSnapshots,
  type SnapshotWish,
} from '../choose-run-snapshot.ts';
import { accessDestination, type DestinationAccess } from '../destination-access.ts';
import { chosenDestinations } from '../each-destination.ts';
import { flagArguments, parameterArguments } from '../operation-arguments.ts';
import { runOperation } from '../run-operation.ts';
import type { ActivityEnd, StepContext } from '../step-context.ts';
import { archiveFlagsOf } from './retention.ts';

/**
 * Restores what the parameters of the run say: `target` (or `in-place=true`), `snapshot`, `at`, `path`, `include`, `exclude`, `overwrite`, `delete`, `verify`,
 * `dry-run`, `destination`. Of several destinations the first one is taken that answers and has a snapshot that fits.
 */
export async function runRestore(context: StepContext<BackupJob>): Promise<ActivityEnd> {
  const { snapshot, at } = context.run.parameters ?? {};
  const found = await findSnapshot(context, { snapshot, at, of: 'files' });
  const end = await restoreFrom(context, found);
  if (found.refused.length === 0) return end;
  // What was asked for is there, but a copy that does not answer is worth a word.
  const reason = [end.reason ?? [], found.refused].flat().join('; ');
  return { ...end, outcome: end.outcome === 'succeeded' ? 'warned' : end.outcome, reason };
}

export interface FoundSnapshot {
  readonly access: DestinationAccess;
  readonly snapshot: ListedSnapshot;
  /** Why destinations before it were not taken. */
  readonly refused: readonly string[];
}

/**
 * The first destination that answers and has a snapshot that fits.
 *
 * @throws AppError `snapshot/missing` if none has
 */
export async function findSnapshot(
  context: StepContext<BackupJob>,
  wish: Pick<SnapshotWish, 'snapshot' | 'at' | 'of'>,
): Promise<FoundSnapshot> {
  const { job, run, signal, clock, configuration } = context;
  const refused: string[] = [];
  for (const index of chosenDestinations(context)) {
    signal.throwIfAborted();
    let access: DestinationAccess;
    try {
      access = await accessDestination(context, index);
    } catch (error) {
      signal.throwIfAborted();
      refused.push(problemOfError(error).message);
      continue;
    }
    const { end, records } = await runOperation(context, {
      name: 'find snapshot',
      kind: run.activity === 'drill' ? 'drill' : 'restore',
      access,
      command: ['snapshots', ...flagArguments(archiveFlagsOf(access))],
    });
    signal.throwIfAborted();
    if (end.outcome !== 'succeeded') {
      refused.push(end.reason ?? `${access.address} does not answer`);
      continue;
    }
    const snapshot = chooseRunSnapshot(listedSnapshots(records), {
      ...wish,
      job: job.name,
      now: clock.now(),
      timeZone: configuration.settings.timeZone ?? systemTimeZone(),
    });
    if (snapshot !== undefined) return { access, snapshot, refused };
    refused.push(`${access.address} has no snapshot that fits`);
  }
  throw new AppError(
    'snapshot/missing',
    `There is nothing to restore of "${job.name}": ${refused.join('; ')}`,
  );
}

async function restoreFrom(
  context: StepContext<BackupJob>,
  { access, snapshot }: FoundSnapshot,
): Promise<ActivityEnd> {
  const {
    destination: _,
    snapshot: _snapshot,
    at: _at,
    path,
    ...others
  } = context.run.parameters ?? {};
  const { end } = await runOperation(context, {
    name: 'restore',
    kind: 'restore',
    access,
    command: [
      'restore',
      ...flagArguments(archiveFlagsOf(access)),
      ...parameterArguments(others, {
        target: withValue('target'),
        include: (value) => value.split('\n').map((glob) => `--include=${glob}`),
        exclude: (value) => value.split('\n').map((glob) => `--exclude=${glob}`),
        overwrite: withValue('overwrite'),
        owners: withValue('owners'),
        'in-place': isOn('--in-place'),
        delete: isOn('--delete'),
        verify: isOn('--verify'),
        'dry-run': isOn('--dry-run'),
      }),
      '--',
      path === undefined ? snapshot.id : `${snapshot.id}:${path}`,
    ],
  });
  return end;
}

const isOn =
  (flag: string) =>
  (value: string): readonly string[] =>
    value === 'true' ? [flag] : [];

const withValue =
  (flag: string) =>
  (value: string): readonly string[] => [`--${flag}=${value}`];
