import { formatTime } from '../../base/time-zone.ts';
import {
  type ConfigurationFormat,
  configurationText,
  fileContent,
  withoutSecrets,
} from '../../configuration/write-configuration.ts';
import type { CommandRun } from '../command.ts';
import type { jobShow } from '../definitions/job.ts';
import { findJob } from '../jobs/find-in-catalog.ts';
import { jobStatuses } from '../jobs/job-statuses.ts';
import { runTable } from '../jobs/run-text.ts';
import { openCatalogOf } from '../open-catalog.ts';
import type { JsonRecord } from '../output/output.ts';

const shownRuns = 5;

export const run: CommandRun<typeof jobShow> = async ({ flags, arguments: { JOB } }, session) => {
  const { output, timeZone, signal, clock } = session;
  await using catalog = await openCatalogOf(flags, session);
  const { value: job, origin, revision } = await findJob(catalog, JOB, { signal });
  const alone = { jobs: [job], destinations: {}, channels: {}, periodicities: {}, settings: {} };
  const shown = flags['with-secrets'] ? alone : withoutSecrets(alone);
  const statuses = await (await jobStatuses(catalog, session)).read({ signal });
  const status = statuses.find((one) => one.job === JOB);
  const runs = await catalog.runs.list({ job: JOB, limit: shownRuns }, { signal });
  output.object({
    type: 'job',
    ...fileContent(shown),
    origin,
    revision,
    status,
  } as unknown as JsonRecord);
  output.line(configurationText(shown, (flags.format ?? 'yaml') as ConfigurationFormat).trimEnd());
  output.line('');
  const next = status?.nextRun;
  output.line(
    `State: ${status?.verdict ?? 'never'}${status?.isRunning === true ? ', running' : ''}`,
  );
  output.line(`Next run: ${next === undefined ? 'by hand' : formatTime(next, timeZone)}`);
  output.line(`From: ${origin === 'api' ? 'the catalog' : origin}`);
  if (runs.length > 0) output.line('');
  output.table(...runTable(runs, timeZone, clock.now()));
  return 0;
};
