import type { CommandRun } from '../command.ts';
import type { jobRemove } from '../definitions/job.ts';
import { findRemovableJob } from '../jobs/find-in-catalog.ts';
import { openCatalogOf } from '../open-catalog.ts';

export const run: CommandRun<typeof jobRemove> = async ({ flags, arguments: { JOB } }, session) => {
  const { output, signal } = session;
  await using catalog = await openCatalogOf(flags, session);
  const { revision } = await findRemovableJob(catalog, JOB, { signal });
  if (!(await session.confirm(`Remove the job "${JOB}"?`, flags.yes))) return 1;
  await catalog.configuration.jobs.remove(JOB, revision);
  output.object({ type: 'job-removed', job: JOB });
  output.line(`Removed the job "${JOB}"; its snapshots and its history are still there`);
  return 0;
};
