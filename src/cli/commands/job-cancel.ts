import { isOver } from '../../model/run.ts';
import type { CommandRun } from '../command.ts';
import type { jobCancel } from '../definitions/job.ts';
import { findJob } from '../jobs/find-in-catalog.ts';
import { openCatalogOf } from '../open-catalog.ts';

export const run: CommandRun<typeof jobCancel> = async ({ flags, arguments: { RUN } }, session) => {
  const { output, signal, clock } = session;
  await using catalog = await openCatalogOf(flags, session);
  const named = await catalog.runs.get(RUN, { signal });
  const open =
    named === undefined
      ? await catalog.runs.list({ job: RUN, states: ['queued', 'running'] }, { signal })
      : [named].filter((one) => !isOver(one));
  if (named === undefined && open.length === 0) await findJob(catalog, RUN, { signal });
  for (const { id, state, activity, job } of open) {
    await catalog.queue.cancel(id, clock.now());
    output.object({ type: 'cancelled', run: id, job, activity });
    output.line(
      state === 'queued'
        ? `Took ${activity} of "${job}" out of the queue (${id})`
        : `Asked ${activity} of "${job}" to stop (${id})`,
    );
  }
  if (open.length === 0) output.note('Nothing waits, and nothing is under way');
  return 0;
};
