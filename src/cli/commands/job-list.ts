import { formatDuration } from '../../base/duration.ts';
import { formatTime } from '../../base/time-zone.ts';
import type { JobStatus } from '../../model/job-status.ts';
import type { CommandRun } from '../command.ts';
import type { jobList } from '../definitions/job.ts';
import { jobStatuses } from '../jobs/job-statuses.ts';
import { openCatalogOf } from '../open-catalog.ts';
import { displayText } from '../output/display-text.ts';
import type { Column, JsonRecord } from '../output/output.ts';

const columns: readonly Column[] = [
  { title: 'Job' },
  { title: 'Kind' },
  { title: 'State' },
  { title: 'Last success' },
  { title: 'Took', align: 'right' },
  { title: 'Next run' },
  { title: 'Proven' },
  { title: 'Description' },
];

export const run: CommandRun<typeof jobList> = async ({ flags }, session) => {
  const { output, timeZone, signal } = session;
  await using catalog = await openCatalogOf(flags, session);
  const jobs = await (await jobStatuses(catalog, session)).read({ signal });
  for (const job of jobs) output.object({ type: 'job', ...job } as unknown as JsonRecord);
  output.table(
    columns,
    jobs.map((job) => row(job, timeZone)),
  );
  if (jobs.length === 0) output.note('There are no jobs');
  return 0;
};

function row(status: JobStatus, timeZone: string): string[] {
  const { job, kind, verdict, isRunning, isLate, lastSuccess, nextRun } = status;
  const { lastProvenRestorable, description = '' } = status;
  const time = (at: number | undefined, none: string): string =>
    at === undefined ? none : formatTime(at, timeZone);
  const took =
    lastSuccess?.startedAt === undefined || lastSuccess.finishedAt === undefined
      ? ''
      : formatDuration(lastSuccess.finishedAt - lastSuccess.startedAt);
  const late = isLate && verdict !== 'late' ? ', late' : '';
  return [
    job,
    kind,
    `${verdict}${late}${isRunning ? ', running' : ''}`,
    time(lastSuccess?.finishedAt, 'never'),
    took,
    time(nextRun, verdict === 'disabled' ? 'disabled' : 'by hand'),
    kind === 'backup' ? time(lastProvenRestorable, 'never') : '',
    displayText(description),
  ];
}
