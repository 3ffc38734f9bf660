import { AppError } from '../../base/errors.ts';
import { didYouMean } from '../../base/did-you-mean.ts';
import { formatDuration } from '../../base/duration.ts';
import { formatTime } from '../../base/time-zone.ts';
import type { JobStatus, Verdict } from '../../model/job-status.ts';
import type { CommandRun } from '../command.ts';
import type { monitorStatus } from '../definitions/monitor.ts';
import { displayText } from '../output/display-text.ts';
import type { JsonRecord } from '../output/output.ts';
import type { CommandSession } from '../session.ts';
import { statusOf } from '../status-source.ts';

export const run: CommandRun<typeof monitorStatus> = async (input, session) => {
  const { output, terminal } = session;
  const status = await statusOf(input.flags, session);
  const jobs = chosen(status.jobs, input.flags.job);
  for (const job of jobs) output.object({ type: 'job-status', ...plain(job) });
  const isColoured = terminal.output && terminal.colour;
  output.table(
    [
      { title: 'Job' },
      { title: 'Last success' },
      { title: 'Next run' },
      { title: 'Proven restorable' },
      // The last one, because colours count as letters.
      { title: 'Status' },
    ],
    jobs.map((job) => [
      job.job,
      ago(job.lastSuccess?.finishedAt, session),
      job.nextRun === undefined ? '' : formatTime(job.nextRun, session.timeZone),
      ago(job.lastProvenRestorable, session),
      [isColoured ? coloured(job) : statusText(job), problemOf(job, session)]
        .filter((text) => text !== '')
        .join(': '),
    ]),
  );
  const { waiting, running } = status.queue;
  output.note(jobs.length === 0 ? 'No jobs' : `${running} under way, ${waiting} waiting`);
  const { givenUp } = status.outbox;
  if (givenUp > 0) output.note(`${givenUp} reports could not be sent: "holdfast notify outbox"`);
  return 0;
};

function chosen(jobs: readonly JobStatus[], names: readonly string[]): readonly JobStatus[] {
  const known = jobs.map(({ job }) => job);
  for (const name of names) {
    if (known.includes(name)) continue;
    const nearest = didYouMean(name, known);
    throw new AppError('job/missing', `There is no job "${name}"`, {
      ...(nearest !== undefined && { hint: `Did you mean "${nearest}"?` }),
    });
  }
  return names.length === 0 ? jobs : jobs.filter(({ job }) => names.includes(job));
}

const statusText = ({ verdict, isRunning, isLate }: JobStatus): string =>
  [
    verdict,
    ...(isLate && verdict !== 'late' ? ['late'] : []),
    ...(isRunning ? ['running'] : []),
  ].join(', ');

const colours: Readonly<Partial<Record<Verdict, number>>> = {
  ok: 32,
  warning: 33,
  failed: 31,
  late: 31,
};

function coloured(job: JobStatus): string {
  const colour = colours[job.verdict];
  const text = statusText(job);
  return colour === undefined ? text : `\u{1b}[${colour}m${text}\u{1b}[39m`;
}

const ago = (time: number | undefined, { clock }: CommandSession): string =>
  time === undefined ? 'never' : `${formatDuration(clock.now() - time)} ago`;

function problemOf(job: JobStatus, { clock }: CommandSession): string {
  const { verdict, lastFailure, dueBy, activities, activity } = job;
  if (verdict === 'failed') {
    return displayText(lastFailure?.problem?.message ?? lastFailure?.reason ?? 'It failed');
  }
  if (verdict === 'late' && dueBy !== undefined) {
    return `Due ${formatDuration(clock.now() - dueBy)} ago`;
  }
  const side = activities.find((one) => one.activity !== activity && one.verdict === 'failed');
  if (side === undefined) return '';
  return displayText(`${side.activity}: ${side.lastFailure?.problem?.message ?? 'it failed'}`);
}

/** Without what is `undefined`: only what JSON can tell. */
const plain = (job: JobStatus): Omit<JsonRecord, 'type'> =>
  JSON.parse(JSON.stringify(job)) as Omit<JsonRecord, 'type'>;
