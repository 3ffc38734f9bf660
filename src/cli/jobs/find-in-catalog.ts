import path from 'node:path';

import type { CallOptions } from '../../base/call-options.ts';
import { didYouMean } from '../../base/did-you-mean.ts';
import { AppError } from '../../base/errors.ts';
import { isMissing } from '../../base/is-missing.ts';
import type { Catalog, Kept } from '../../catalog/catalog.ts';
import type { Job } from '../../model/job.ts';
import type { Run } from '../../model/run.ts';

/** What the command line and the API put into the catalog. */
export const OWN_ORIGIN = 'api';

/** The job of a name. @throws AppError `job/missing`, with the nearest name */
export async function findJob(
  catalog: Catalog,
  name: string,
  options: CallOptions = {},
): Promise<Kept<Job>> {
  const kept = await catalog.configuration.jobs.get(name, options);
  if (kept !== undefined) return kept;
  const names = [...(await catalog.configuration.jobs.list(options)).keys()];
  const nearest = didYouMean(name, names);
  throw new AppError('job/missing', `There is no job "${name}"`, {
    hint:
      nearest !== undefined
        ? `Did you mean "${nearest}"?`
        : names.length === 0
          ? 'There are no jobs yet: "holdfast job add" or "holdfast job import" makes some, or "holdfast server" with a configuration file'
          : '"holdfast job list" shows those that there are',
  });
}

/** A job that may be changed here. @throws AppError `input/conflict` for one that a file or the environment says: it would come back */
export async function findOwnJob(
  catalog: Catalog,
  name: string,
  options: CallOptions = {},
): Promise<Kept<Job>> {
  const kept = await findJob(catalog, name, options);
  if (kept.origin === OWN_ORIGIN) return kept;
  throw heldElsewhere(name, kept);
}

/** A job that may be removed here: also one of a file that is gone, which nothing would bring back. @throws AppError as `findOwnJob` */
export async function findRemovableJob(
  catalog: Catalog,
  name: string,
  options: CallOptions = {},
): Promise<Kept<Job>> {
  const kept = await findJob(catalog, name, options);
  const { origin } = kept;
  if (origin === OWN_ORIGIN || (path.isAbsolute(origin) && (await isMissing(origin)))) return kept;
  throw heldElsewhere(name, kept);
}

function heldElsewhere(name: string, kept: Kept<Job>): AppError {
  const place =
    kept.origin === 'environment' ? 'the environment of the server' : `"${kept.origin}"`;
  return new AppError('input/conflict', `The job "${name}" comes from ${place}`, {
    hint: 'Change it there: what is changed here would be undone when that is read again',
  });
}

/** A run by its id, or the last one of a job. @throws AppError `job/missing` */
export async function findRun(
  catalog: Catalog,
  text: string,
  options: CallOptions = {},
): Promise<Run> {
  const run = await catalog.runs.get(text, options);
  if (run !== undefined) return run;
  const [last] = await catalog.runs.list({ job: text, limit: 1 }, options);
  if (last !== undefined) return last;
  if ((await catalog.configuration.jobs.get(text, options)) !== undefined) {
    throw new AppError('job/missing', `The job "${text}" has not run yet`);
  }
  throw new AppError('job/missing', `There is neither a run nor a job "${text}"`, {
    hint: '"holdfast job history" shows runs, "holdfast job list" jobs',
  });
}
