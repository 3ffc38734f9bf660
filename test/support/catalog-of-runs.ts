import path from 'node:path';

import type { Clock } from '../../src/base/clock.ts';
import type { Catalog, RunEnd } from '../../src/catalog/catalog.ts';
import { catalogKeyFile } from '../../src/catalog/catalog-key.ts';
import { openCatalog } from '../../src/catalog/open-catalog.ts';
import type { Activity, Job } from '../../src/model/job.ts';
import type { Outcome, Run, WorkerIdentity } from '../../src/model/run.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** A catalog in a file of its own, in which jobs can be put and runs can have been. */
export interface CatalogOfRuns extends AsyncDisposable {
  readonly catalog: Catalog;
  /** A state directory: the catalog and its key lie where the command line expects them. */
  readonly directory: string;
  addJob(job: Job): Promise<void>;
  /** A run that began a minute before `at`, and ended then. */
  addRun(job: string, outcome: Outcome, at: number, more?: RunDetails): Promise<Run>;
  /** A run that has begun and goes on. */
  beginRun(job: string, at: number, activity?: Activity): Promise<Run>;
}

export type RunDetails = Partial<Omit<RunEnd, 'outcome'>> & { readonly activity?: Activity };

const worker: WorkerIdentity = {
  id: 'test-worker',
  host: 'test',
  pid: process.pid,
  bootId: 'test',
  startTicks: 1,
};

export async function catalogOfRuns(clock: Clock): Promise<CatalogOfRuns> {
  const directory = await temporaryDirectory();
  const catalog = await openCatalog({
    location: { file: path.join(directory.path, 'catalog.sqlite') },
    key: catalogKeyFile(path.join(directory.path, 'catalog.key')),
    clock,
  });
  const beginRun = async (job: string, at: number, activity: Activity = 'backup'): Promise<Run> => {
    const queued = await catalog.queue.add(
      { job, activity, trigger: 'schedule', priority: 0, keys: [`job:${job}`] },
      at,
    );
    const run = await catalog.queue.claim(worker, at, { only: queued.id });
    if (run === undefined) throw new Error(`The run of "${job}" cannot begin`);
    return run;
  };
  return {
    catalog,
    directory: directory.path,
    async addJob(job) {
      const { jobs } = catalog.configuration;
      const before = await jobs.get(job.name);
      await jobs.save(job.name, job, { revision: before?.revision, origin: 'api' });
    },
    async addRun(job, outcome, at, { activity, steps = [], ...more } = {}) {
      const run = await beginRun(job, at - 60_000, activity);
      await catalog.queue.finish(run.id, worker.id, { outcome, steps, ...more }, at, []);
      return (await catalog.runs.get(run.id))!;
    },
    beginRun,
    async [Symbol.asyncDispose]() {
      await catalog[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}
