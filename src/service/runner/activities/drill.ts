import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { toHex } from '../../../base/bytes.ts';
import { AppError } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import { formatSize, parseSize } from '../../../base/size.ts';
import type { BackupJob } from '../../../model/job.ts';
import type { StepRecord } from '../../../model/run.ts';
import { problemOfError } from '../../program/own-program.ts';
import {
  chooseRunSnapshot,
  isDump,
  type ListedSnapshot,
  listedSnapshots,
} from '../choose-run-snapshot.ts';
import { combineEnds } from '../combine-ends.ts';
import type { DestinationAccess } from '../destination-access.ts';
import { coldStorageOf } from '../drill/cold-storage.ts';
import { compareFiles } from '../drill/compare-files.ts';
import { drillDumps, LOADING } from '../drill/drill-dumps.ts';
import { type ListedFile, listedFile } from '../drill/listed-file.ts';
import { findReceipt } from '../drill/receipt.ts';
import { FileSample, includeList, listRoots, seededNumbers } from '../drill/sample-files.ts';
import { makeSandbox } from '../drill/sandbox.ts';
import { eachDestination, withAccess } from '../each-destination.ts';
import { flagArguments } from '../operation-arguments.ts';
import { activityEndOf, runOperation } from '../run-operation.ts';
import type { ActivityEnd, StepContext } from '../step-context.ts';
import { archiveFlagsOf } from './retention.ts';

const DEFAULT_FILES = 100;
const DEFAULT_BYTES = '1G';
const MOST_WARNINGS = 100;

/** What a drill goes by, from the job and the parameters of the run. */
interface DrillSettings {
  readonly files: number;
  readonly bytes: number;
  readonly directory: string | undefined;
  readonly coldStorage: boolean;
  readonly seed: string;
}

/**
 * Proves for each destination that what is there can be restored: a random sample of the newest snapshot, into a sandbox, compared with what was recorded when
 * it was backed up; dumps into scratch databases. The record of the run is the receipt.
 */
export async function runDrill(context: StepContext<BackupJob>): Promise<ActivityEnd> {
  const settings = settingsOf(context);
  return combineEnds(
    await eachDestination(context, (index) =>
      withAccess(context, index, (access) => drillAt(context, access, settings)),
    ),
  );
}

function settingsOf({ job, run }: StepContext<BackupJob>): DrillSettings {
  const { drill } = job;
  const { destination: _, ...parameters } = run.parameters ?? {};
  const known = new Set(['files', 'bytes', 'directory', 'seed', 'cold-storage']);
  const odd = Object.keys(parameters).find((name) => !known.has(name));
  if (odd !== undefined) {
    throw new AppError('input/usage', `"${odd}" is no parameter of a drill`, {
      hint: `There are ${[...known].map((name) => `"${name}"`).join(', ')}`,
    });
  }
  return {
    files: countOf(parameters['files']) ?? drill?.files ?? DEFAULT_FILES,
    bytes: parseSize(parameters['bytes'] ?? drill?.bytes ?? DEFAULT_BYTES),
    directory: parameters['directory'] ?? drill?.directory,
    coldStorage: parameters['cold-storage'] === 'true' || drill?.coldStorage === true,
    // Others each time; with the seed in the record the same can be drawn again.
    seed: parameters['seed'] ?? toHex(systemRandom(8)),
  };
}

function countOf(text: string | undefined): number | undefined {
  if (text === undefined || /^[1-9]\d{0,6}$/u.test(text))
    return text === undefined ? text : Number(text);
  throw new AppError('input/usage', `"${text}" is no number of files for a drill`);
}

async function drillAt(
  context: StepContext<BackupJob>,
  access: DestinationAccess,
  settings: DrillSettings,
): Promise<ActivityEnd> {
  const { job, signal, steps } = context;
  const coldClass = coldStorageOf(access, context.environment);
  if (coldClass !== undefined && !settings.coldStorage) {
    const reason = `"${access.address}" is written with the storage class "${coldClass}", from which reading is slow or costs money; say "coldStorage: true" for the drill to allow that`;
    const step = await steps.begin({ name: 'drill', kind: 'drill', destination: access.address });
    await step.end({ outcome: 'skipped', warnings: [reason] });
    return { outcome: 'skipped', reason };
  }
  const { end, records } = await runOperation(context, {
    name: 'find snapshot',
    kind: 'drill',
    access,
    command: ['snapshots', ...flagArguments(archiveFlagsOf(access))],
  });
  if (end.outcome !== 'succeeded') return end;
  const snapshots = listedSnapshots(records);
  const newest = chooseRunSnapshot(snapshots, {
    // A drill of a repository without a job is about all that is there.
    job: job.sources === undefined && job.databases === undefined ? undefined : job.name,
    now: 0,
    timeZone: 'UTC',
    of: 'files',
  });
  const ends: ActivityEnd[] = [];
  const before = steps.steps.length;
  if (newest !== undefined) {
    ends.push(await drillFiles(context, access, newest, settings, coldClass));
  } else if ((job.sources ?? []).length > 0 || !snapshots.some(({ paths }) => isDump(paths))) {
    const message = `There is no snapshot of files in "${access.address}" that could be restored`;
    const problem = { code: 'snapshot/missing', message };
    ends.push({ outcome: 'failed', reason: message, problem });
  }
  if (!signal.aborted) ends.push(...(await drillDumps(context, access, snapshots)));
  const whole = combineEnds(ends);
  const isGood = whole.outcome === 'succeeded' || whole.outcome === 'warned';
  if (!isGood || steps.steps.slice(before).some(isProof)) return whole;
  // It must not count as the day when restoring was last proven.
  const message = `Nothing in "${access.address}" was proven to be restorable`;
  const problem = { code: 'snapshot/missing', message };
  return combineEnds([{ outcome: 'failed', reason: message, problem }, ...ends]);
}

/** Whether a step has shown that something can be restored: files that were compared, a dump that was loaded. */
const isProof = ({ name, outcome, counters }: StepRecord): boolean =>
  (outcome === 'succeeded' || outcome === 'warned') &&
  (name === 'compare' ? (counters?.files ?? 0) > 0 : name.startsWith(LOADING));

/** A sample of files. */
async function drillFiles(
  context: StepContext<BackupJob>,
  access: DestinationAccess,
  snapshot: ListedSnapshot,
  settings: DrillSettings,
  coldClass: string | undefined,
): Promise<ActivityEnd> {
  const { steps, signal } = context;
  const receipt = await findReceipt(context, snapshot.id);
  const sample = new FileSample(settings, seededNumbers(settings.seed));
  const known: ListedFile[] = [];
  const listed = await runOperation(context, {
    name: 'list files',
    kind: 'drill',
    access,
    command: ['ls', '--recursive', ...flagArguments(archiveFlagsOf(access)), '--', snapshot.id],
    onRecord(record) {
      const file = listedFile(record);
      if (file === undefined) return;
      sample.add(file);
      if (receipt.has(file.path.toString())) known.push(file);
    },
  });
  if (listed.end.outcome !== 'succeeded') return listed.end;
  const files = withReceipt(sample.take(), known, settings);
  await using sandbox = await makeSandbox(context, settings.directory);
  const target = path.join(sandbox.path, 'restored');
  if (files.length > 0) {
    const list = path.join(sandbox.path, 'files');
    const paths = files.map((file) => file.path);
    await writeFile(list, includeList(listRoots(snapshot.roots), paths), { mode: 0o600 });
    const { end } = await runOperation(context, {
      name: 'restore sample',
      kind: 'drill',
      access,
      command: [
        'restore',
        `--target=${target}`,
        `--include-from=${list}`,
        // What this machine keeps a copy of has to be there as well: after a disaster nothing else is.
        ...(snapshot.isArchived ? [] : ['--verify', '--no-cache']),
        ...flagArguments(archiveFlagsOf(access)),
        '--',
        snapshot.id,
      ],
    });
    if (end.outcome === 'warned') return { ...end, outcome: 'failed' };
    if (end.outcome !== 'succeeded') return end;
  }
  const step = await steps.begin({ name: 'compare', kind: 'drill', destination: access.address });
  try {
    const compared = await compareFiles(target, files, receipt, { signal });
    const { differences } = compared;
    const isEmpty = files.length === 0;
    const record = await step.end({
      outcome: differences.length > 0 ? 'failed' : isEmpty ? 'warned' : 'succeeded',
      ...(differences.length > 0 && {
        problem: {
          code: 'repository/damaged',
          message: `Of ${files.length} restored files some are not as they were backed up: ${differences[0]}`,
        },
      }),
      counters: {
        snapshot: snapshot.id,
        files: compared.files,
        bytes: compared.bytes,
        errors: differences.length,
        details: {
          compared: compared.files - differences.length,
          proven: compared.proven,
          seed: settings.seed,
          snapshotTime: new Date(snapshot.time).toISOString(),
          filesInSnapshot: sample.total,
          bytesInSnapshot: sample.totalBytes,
        },
      },
      warnings: [
        ...(coldClass === undefined
          ? []
          : [`Read about ${formatSize(compared.bytes)} from the storage class "${coldClass}"`]),
        ...(isEmpty ? ['The snapshot holds no file that could be restored for practice'] : []),
        ...differences.slice(0, MOST_WARNINGS),
      ],
    });
    return activityEndOf(record);
  } catch (error) {
    const outcome = signal.aborted ? 'cancelled' : 'failed';
    return activityEndOf(await step.end({ outcome, problem: problemOfError(error) }));
  }
}

/** First those whose content can be compared with an independent record, then the others, within the limits. */
function withReceipt(
  drawn: readonly ListedFile[],
  known: readonly ListedFile[],
  { files, bytes }: DrillSettings,
): ListedFile[] {
  const seen = new Set<string>();
  const chosen: ListedFile[] = [];
  let sum = 0;
  for (const file of [...known.slice(0, Math.ceil(files / 2)), ...drawn]) {
    const key = toHex(file.path);
    if (seen.has(key) || chosen.length >= files || sum + (file.size ?? 0) > bytes) continue;
    seen.add(key);
    sum += file.size ?? 0;
    chosen.push(file);
  }
  return chosen;
}
