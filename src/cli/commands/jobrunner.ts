import { didYouMean } from '../../base/did-you-mean.ts';
import { formatDuration } from '../../base/duration.ts';
import { AppError } from '../../base/errors.ts';
import { formatTime } from '../../base/time-zone.ts';
import type { CommandsJob, JobCommand } from '../../model/job.ts';
import type { Run } from '../../model/run.ts';
import { substituteVariables } from '../../service/tasks/substitute-variables.ts';
import type { CommandInput, CommandRun } from '../command.ts';
import type { jobrunner } from '../definitions/container.ts';
import {
  containerExitStatus,
  type ContainerSession,
  containerSession,
  openContainerCatalog,
  runInContainer,
} from '../image/container-session.ts';
import { scheduleText } from '../image/schedule-text.ts';
import { displayText } from '../output/display-text.ts';
import type { CommandSession } from '../session.ts';

type Input = CommandInput<typeof jobrunner>;

export const run: CommandRun<typeof jobrunner> = async (input, given) => {
  const { flags } = input;
  const container = await containerSession(given);
  const { session } = container;
  const jobs = container.configuration.jobs.filter((job) => job.kind === 'commands');
  if (flags.list) return list(jobs, container);
  const found = chosenJob(input, jobs);
  if (found === undefined) {
    session.output.object({ type: 'jobrunner', outcome: 'succeeded', jobs: [] });
    session.output.line('Nothing to do');
    return 0;
  }
  const { job, only } = found;
  if (flags['dry-run']) return dryRun(job, only, container);
  await using catalog = await openContainerCatalog(container, flags);
  const parameters = only === undefined ? {} : { only: only.join(',') };
  const over = await runInContainer(job, parameters, catalog, flags, session);
  tellEnd(over, session, container.configuration.settings.timeZone ?? session.timeZone);
  return containerExitStatus(over);
};

/** The job to run, and which of its commands; `undefined` if there is nothing to do. @throws AppError `input/usage` */
function chosenJob(
  { flags, arguments: { PERIODICITY } }: Input,
  jobs: readonly CommandsJob[],
): { readonly job: CommandsJob; readonly only: readonly string[] | undefined } | undefined {
  const name = (PERIODICITY ?? flags.periodicity)?.toLowerCase();
  const only = flags.job.length > 0 ? flags.job : undefined;
  if (name === undefined) {
    const job = jobs.find(({ commands }) =>
      only!.every((number) => commands.some((command) => command.name === number)),
    );
    if (job === undefined) throw unknownNumber(only!, jobs);
    return { job, only };
  }
  const job = jobs.find((candidate) => candidate.name === name);
  if (job !== undefined) {
    const numbers = new Set(job.commands.map((command) => command.name));
    if (only?.every((number) => numbers.has(number)) === false) throw unknownNumber(only, [job]);
    return { job, only };
  }
  // The links of periodicities are there whether a job has them or not; a person may have mistyped it.
  const known = [...jobs.map((each) => each.name), '15min', 'hourly', 'daily', 'weekly', 'monthly'];
  const nearest = didYouMean(name, known);
  if (PERIODICITY === undefined || known.includes(name) || nearest === undefined) return undefined;
  throw new AppError('input/usage', `No job has the periodicity "${PERIODICITY}"`, {
    hint: `Did you mean "${nearest}"?`,
  });
}

function unknownNumber(only: readonly string[], jobs: readonly CommandsJob[]): AppError {
  const known = [...new Set(jobs.flatMap(({ commands }) => commands.map(({ name }) => name)))];
  const missing = only.find((number) => !known.includes(number));
  const nearest = missing === undefined ? undefined : didYouMean(missing, known);
  return new AppError(
    'input/usage',
    missing === undefined
      ? `No periodicity has all of the jobs ${only.join(', ')}`
      : `There is no job ${missing}`,
    {
      hint:
        nearest === undefined
          ? '"holdfast jobrunner --list" shows all'
          : `Did you mean ${nearest}?`,
    },
  );
}

function list(jobs: readonly CommandsJob[], { session, mask }: ContainerSession): number {
  const rows = jobs.flatMap((job) =>
    job.commands.map((command) => {
      const schedule = scheduleText(job.schedule);
      const what = mask.mask(command.command);
      session.output.object({
        type: 'job',
        periodicity: job.name,
        schedule,
        job: command.name,
        command: what,
      });
      return [job.name, schedule, command.name, displayText(what)];
    }),
  );
  if (rows.length === 0) session.output.line('There are no jobs');
  session.output.table(
    [
      { title: 'Periodicity' },
      { title: 'When' },
      { title: 'Job', align: 'right' },
      { title: 'Command' },
    ],
    rows,
  );
  return 0;
}

function dryRun(
  job: CommandsJob,
  only: readonly string[] | undefined,
  { session, mask }: ContainerSession,
): number {
  const wanted = job.commands.filter(({ name }) => only?.includes(name) !== false);
  for (const command of wanted) {
    const what = mask.mask(commandText(command, session));
    session.output.object({ type: 'job', periodicity: job.name, job: command.name, command: what });
    session.output.line(`Would run job ${command.name}: ${displayText(what)}`);
  }
  return 0;
}

const commandText = ({ command }: JobCommand, { environment }: CommandSession): string =>
  substituteVariables(command, environment);

/** One line for each job: what they printed was shown as it came. */
function tellEnd(over: Run, { output }: CommandSession, timeZone: string): void {
  output.table(
    [
      { title: 'Job' },
      { title: 'Started' },
      { title: 'Finished' },
      { title: 'Took', align: 'right' },
      { title: 'Outcome' },
    ],
    over.steps
      .filter(({ kind }) => kind === 'command')
      .map((step) => [
        displayText(step.name.split('\n')[0]!.slice(0, 60)),
        formatTime(step.startedAt, timeZone),
        step.finishedAt === undefined ? '' : formatTime(step.finishedAt, timeZone),
        step.finishedAt === undefined ? '' : formatDuration(step.finishedAt - step.startedAt),
        step.outcome ?? over.state,
      ]),
  );
  if (over.reason !== undefined) output.line(displayText(over.reason));
}
