import { defineCommand } from '../command.ts';
import { valueFlag, wholeNumber } from '../flag.ts';
import { serviceFlags } from './service-flags.ts';

export const scheduleNext = defineCommand({
  name: 'schedule next',
  summary: 'Show when jobs run next',
  description: [
    'Times are those at which runs may begin: with jitter, after blackout windows, without runs that are to be left out. What is overdue is made up for soon after the server starts, ' +
      'if the schedule does not say otherwise.',
  ],
  positionals: {
    JOB: { arity: 'any', kind: 'text', help: 'Names of jobs; all of them by default' },
  },
  flags: {
    count: valueFlag({
      placeholder: 'N',
      short: 'n',
      parse: wholeNumber(1, 1000),
      environment: false,
      help: 'So many runs of each schedule (1; 5 for jobs that are named)',
    }),
    ...serviceFlags,
  },
  examples: [
    ['holdfast schedule next', 'The next run of everything'],
    ['holdfast schedule next documents --count 10', 'The next ten of one job'],
  ],
});

export const scheduleSkip = defineCommand({
  name: 'schedule skip',
  summary: 'Leave out the next run of a job',
  description: [
    'Nothing runs when the next run is due; the one after it takes place as usual. Runs by hand are not counted.',
  ],
  positionals: { JOB: { arity: 'one', kind: 'text', help: 'The name of the job' } },
  flags: {
    count: valueFlag({
      placeholder: 'N',
      short: 'n',
      parse: wholeNumber(0, 1000),
      environment: false,
      help: 'Leave out so many runs (1); 0 takes it back',
    }),
    activity: valueFlag({
      placeholder: 'ACTIVITY',
      environment: false,
      choices: ['backup', 'task', 'commands', 'retention', 'check', 'drill'],
      help: 'What is left out (what the job is for)',
    }),
    ...serviceFlags,
  },
  examples: [
    ['holdfast schedule skip documents', 'Not tonight'],
    ['holdfast schedule skip documents --count 0', 'Tonight after all'],
    ['holdfast schedule skip documents --activity check', 'Only the check is left out'],
  ],
});

export const scheduleExplain = defineCommand({
  name: 'schedule explain',
  summary: 'Show when a schedule would run',
  description: [
    'Understands what the schedules of jobs do: cron expressions of five fields or six (seconds first), names such as daily, "@every 6h", and calendar events of systemd.',
  ],
  positionals: {
    EXPRESSION: { arity: 'many', kind: 'text', help: 'The schedule; better in quotation marks' },
  },
  flags: {
    count: valueFlag({
      placeholder: 'N',
      short: 'n',
      parse: wholeNumber(1, 1000),
      environment: false,
      help: 'So many runs (5)',
    }),
    'time-zone': valueFlag({
      placeholder: 'ZONE',
      environment: false,
      help: 'The zone whose clocks count, such as Europe/Berlin (that of this machine)',
    }),
  },
  examples: [
    [
      'holdfast schedule explain "0 2 * * MON-SAT" --time-zone Europe/Berlin',
      'Two in the morning, but on Sundays',
    ],
    ['holdfast schedule explain "Mon..Fri *-*-1..7 18:30"', 'A calendar event of systemd'],
  ],
});
