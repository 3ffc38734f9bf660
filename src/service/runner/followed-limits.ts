import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { writeFileAtomically } from '../../base/atomic-file.ts';
import { messageOf } from '../../base/errors.ts';
import { lookAgain } from '../../base/look-again.ts';
import type { Job } from '../../model/job.ts';
import type { StepContext } from './step-context.ts';

/** Milliseconds between two looks at the job. */
const pause = 2000;

/** Why looking ends. One for all, since nobody is told. */
const over = new Error('The operation is over');

/** How fast an operation may transfer, told to it by variables. */
export interface FollowedLimits extends AsyncDisposable {
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Has an operation keep to the limits of its job, also when these change while it runs: they stand in a file that it looks at again and again. Where no file can be made,
 * those of the beginning stay, which is told to the log.
 */
export async function followLimits(
  context: Pick<StepContext, 'catalog' | 'clock' | 'job' | 'log' | 'run'>,
): Promise<FollowedLimits> {
  const { catalog, clock, job, log, run } = context;
  const stop = new AbortController();
  const warn = (what: string, error: unknown): void =>
    log.warn(`${what}: ${messageOf(error)}`, { run: run.id, job: run.job });
  const { limitUpload, limitDownload } = job.resources ?? {};
  const atFirst = {
    ...(limitUpload !== undefined && { HOLDFAST_LIMIT_UPLOAD: limitUpload }),
    ...(limitDownload !== undefined && { HOLDFAST_LIMIT_DOWNLOAD: limitDownload }),
  };
  let directory: string | undefined;
  let written = limitsText(job);
  try {
    directory = await mkdtemp(path.join(tmpdir(), 'holdfast-limits-'));
    await writeFileAtomically(fileIn(directory), Buffer.from(written), { durable: false });
  } catch (error) {
    warn('Limits cannot be changed while this runs', error);
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
    return { environment: atFirst, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const file = fileIn(directory);
  let revision: number | undefined;
  const look = async (): Promise<void> => {
    const { signal } = stop;
    const now = await catalog.configuration.revision({ signal });
    if (now === revision) return;
    const found = await catalog.configuration.jobs.get(job.name, { signal });
    revision = now;
    // A job that was removed meanwhile leaves its runs as they are.
    const text = found === undefined ? written : limitsText(found.value);
    if (text === written) return;
    await writeFileAtomically(file, Buffer.from(text), { durable: false });
    written = text;
    log.info('The limits of transfers have changed', { run: run.id, job: run.job });
  };
  const following = lookAgain(look, {
    clock,
    pause,
    signal: stop.signal,
    warn: (error) => warn('Cannot look whether limits have changed', error),
  });
  return {
    // Not beside those of the beginning, which would stay when the job has none any more.
    environment: { HOLDFAST_LIMIT_FILE: file },
    async [Symbol.asyncDispose]() {
      stop.abort(over);
      await following;
      await rm(path.dirname(file), { recursive: true, force: true });
    },
  };
}

const fileIn = (directory: string): string => path.join(directory, 'limits');

/** As `--limit-file` reads it: limits of the destination stay in force where the job has none. */
function limitsText({ resources: { limitUpload, limitDownload } = {} }: Job): string {
  return [
    ...(limitUpload === undefined ? [] : [`upload ${limitUpload}\n`]),
    ...(limitDownload === undefined ? [] : [`download ${limitDownload}\n`]),
  ].join('');
}
