import { stat } from 'node:fs/promises';

import { toHex } from '../../../base/bytes.ts';
import { systemRandom } from '../../../base/random.ts';
import type { BackupJob } from '../../../model/job.ts';
import type { StepRecord } from '../../../model/run.ts';
import { problemOfError } from '../../program/own-program.ts';
import { archiveFlagsOf } from '../activities/retention.ts';
import type { DestinationAccess } from '../destination-access.ts';
import { flagArguments } from '../operation-arguments.ts';
import { runOperation } from '../run-operation.ts';
import type { StepContext } from '../step-context.ts';
import { hashOf } from './compare-files.ts';
import { type ListedFile, listedFile } from './listed-file.ts';
import { FileSample, listRoots, seededNumbers } from './sample-files.ts';

/** The step that holds a receipt. */
const RECEIPT = 'receipt';
/** Of so many files the content is recorded, of so many bytes together. */
const LIMITS = { files: 20, bytes: 64 * 1024 * 1024 };
/** Longer paths would not leave room for others. */
const LONGEST_PATH = 1000;

/**
 * Takes a receipt for a snapshot that was just made: hashes of some of its files, read from the source once more, past everything that the backup did. Only files count that are still as the snapshot says.
 * A later drill compares what it restores with them. That there is none is a warning at most.
 */
export async function takeReceipt(
  context: StepContext<BackupJob>,
  access: DestinationAccess,
  snapshot: string,
): Promise<void> {
  const { steps, signal, log, run } = context;
  const sample = new FileSample(LIMITS, seededNumbers(toHex(systemRandom(8))));
  const { record } = await runOperation(context, {
    name: 'list for receipt',
    kind: 'drill',
    access,
    command: ['ls', '--recursive', ...flagArguments(archiveFlagsOf(access)), '--', snapshot],
    onRecord(listed) {
      const file = listedFile(listed);
      if (file !== undefined && file.path.length <= LONGEST_PATH) sample.add(file);
    },
  });
  if (record.outcome !== 'succeeded') return;
  const step = await steps.begin({ name: RECEIPT, kind: 'drill', destination: access.address });
  const lines: string[] = [];
  try {
    const roots = listRoots((context.job.sources ?? []).map((source) => Buffer.from(source)));
    for (const file of sample.take()) {
      const hash = await hashOfUnchanged(file, roots, signal);
      if (hash !== undefined) lines.push(`${hash}  ${file.path.toString()}`);
    }
    await step.end({
      outcome: 'succeeded',
      counters: { snapshot, details: { hashed: lines.length } },
      output: lines.map((line) => `${line}\n`).join(''),
    });
  } catch (error) {
    const problem = problemOfError(error);
    await step.end({ outcome: signal.aborted ? 'cancelled' : 'warned', problem });
    log.warn(`There is no receipt: ${problem.message}`, { run: run.id, job: run.job });
  }
}

/** The hash of a source file, if it is as it was backed up, before and after it was read. */
async function hashOfUnchanged(
  file: ListedFile,
  roots: readonly Buffer[],
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const root of roots) {
    signal.throwIfAborted();
    const place = Buffer.concat([root, Buffer.from('/'), file.path]);
    const isSame = async (): Promise<boolean> => {
      const found = await stat(place, { bigint: true });
      return (
        found.isFile() && found.size === BigInt(file.size ?? -1) && found.mtimeNs === file.mtime
      );
    };
    try {
      if (!(await isSame())) continue;
      const hash = await hashOf(place, { signal });
      if (await isSame()) return hash;
    } catch {
      signal.throwIfAborted(); // it is gone, or lies below the other root
    }
  }
  return undefined;
}

/** The hashes that were taken for a snapshot when it was made, by path. */
export async function findReceipt(
  { catalog, job, signal }: StepContext<BackupJob>,
  snapshot: string,
): Promise<ReadonlyMap<string, string>> {
  const runs = await catalog.runs.list(
    { job: job.name, activities: ['backup'], states: ['succeeded', 'warned'], limit: 200 },
    { signal },
  );
  const found = runs
    .flatMap(({ steps }): readonly StepRecord[] => steps)
    .find(({ name, counters }) => name === RECEIPT && counters?.snapshot === snapshot);
  return new Map(
    (found?.output ?? '').split('\n').flatMap((line): [string, string][] => {
      const [, hash, path] = /^([0-9a-f]{64}) {2}(.+)$/u.exec(line) ?? [];
      return hash === undefined || path === undefined ? [] : [[path, hash]];
    }),
  );
}
