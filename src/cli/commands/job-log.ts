import type { CommandRun } from '../command.ts';
import type { jobLog } from '../definitions/job.ts';
import { findRun } from '../jobs/find-in-catalog.ts';
import { runLines, runRecord } from '../jobs/run-text.ts';
import { openCatalogOf } from '../open-catalog.ts';

export const run: CommandRun<typeof jobLog> = async ({ flags, arguments: { RUN } }, session) => {
  const { output, timeZone, signal, clock } = session;
  await using catalog = await openCatalogOf(flags, session);
  const found = await findRun(catalog, RUN, { signal });
  output.object(runRecord(found));
  for (const line of runLines(found, timeZone, clock.now())) output.line(line);
  return 0;
};
