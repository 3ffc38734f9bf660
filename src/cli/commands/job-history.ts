import type { Activity } from '../../model/job.ts';
import type { RunState } from '../../model/run.ts';
import type { CommandRun } from '../command.ts';
import type { jobHistory } from '../definitions/job.ts';
import { findJob } from '../jobs/find-in-catalog.ts';
import { runRecord, runTable } from '../jobs/run-text.ts';
import { openCatalogOf } from '../open-catalog.ts';

export const run: CommandRun<typeof jobHistory> = async ({ flags, arguments: given }, session) => {
  const { output, timeZone, signal, clock } = session;
  await using catalog = await openCatalogOf(flags, session);
  const job = given.JOB;
  const runs = await catalog.runs.list(
    {
      ...(job !== undefined && { job }),
      ...(flags.activity !== undefined && { activities: [flags.activity as Activity] }),
      ...(flags.state.length > 0 && { states: flags.state as readonly RunState[] }),
      limit: flags.limit ?? 20,
    },
    { signal },
  );
  // The history of a job that is gone is still there; a name that never was one is a mistake.
  if (runs.length === 0 && job !== undefined) await findJob(catalog, job, { signal });
  for (const one of runs) output.object(runRecord(one));
  output.table(...runTable(runs, timeZone, clock.now()));
  if (runs.length === 0) output.note('No runs');
  return 0;
};
