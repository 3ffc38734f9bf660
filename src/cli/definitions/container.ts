import { AppError } from '../../base/errors.ts';
import { defineCommand } from '../command.ts';
import { listFlag, switchFlag, valueFlag } from '../flag.ts';
import { serviceFlags } from './service-flags.ts';

export const jobrunner = defineCommand({
  name: 'jobrunner',
  summary:
    'Run the jobs of a periodicity now, as the environment says (JOB_<n>_WHAT, JOB_<n>_WHEN)',
  description: [
    'All jobs whose JOB_<n>_WHEN has the periodicity run in ascending order of their numbers; one that fails does not stop the others. What they print is shown ' +
      'as it comes, mailed as SMTP_… and EMAIL_… say, and kept in the history. Called through a link of the name "jobrunner", the directory of the link is the ' +
      'periodicity: /etc/periodic/daily/jobrunner.',
    'Exit status: 0 if all succeeded or there was nothing to do, 1 if at least one job failed, 75 if all of them said (by that status) that there was nothing to do.',
  ],
  positionals: {
    PERIODICITY: { arity: 'optional', kind: 'text', help: 'Such as daily, or one of your own' },
  },
  flags: {
    periodicity: valueFlag({
      placeholder: 'NAME',
      environment: false,
      help: 'The same as PERIODICITY; it may be one that no job has',
    }),
    job: listFlag({
      placeholder: 'NUMBER',
      environment: false,
      help: 'Only this job; may be repeated, and needs no PERIODICITY',
    }),
    list: switchFlag({ environment: false, help: 'Show what runs when' }),
    'dry-run': switchFlag({ environment: false, help: 'Show what would be run' }),
    ...serviceFlags,
  },
  problem: ({ flags, arguments: { PERIODICITY } }) => {
    const jobs = flags['job'] as readonly string[];
    if (flags['list'] === true || jobs.length > 0) return undefined;
    if (PERIODICITY !== undefined || flags['periodicity'] !== undefined) return undefined;
    return new AppError('input/usage', '"jobrunner" needs to be told which periodicity', {
      hint: 'Write "holdfast jobrunner daily"; "holdfast jobrunner --list" shows all',
    });
  },
  examples: [
    ['holdfast jobrunner daily', 'What is done each day, now'],
    ['holdfast jobrunner --job 200', 'One job'],
    ['holdfast jobrunner --list', 'All jobs, with their times'],
  ],
});

const ID = { arity: 'one', kind: 'text', help: 'The id of the task: that of TASK_<id>_…' } as const;

export const taskRun = defineCommand({
  name: 'task run',
  summary: 'Run a task now: prepare, extract, transform, load, succeed or failed, finally',
  description: [
    'All steps run in one bash; the first that fails ends the chain, and "failed" is run; "finally" is run in any case. Tasks come from the environment (TASK_<id>_…), ' +
      'else from the catalog.',
    'Exit status: 0 only if prepare to succeed all ended with 0, else 1. With COMPAT_EXIT_ZERO=1 in the environment it is always 0.',
  ],
  positionals: { ID },
  flags: serviceFlags,
  examples: [['holdfast task run database', 'As /tasks/database.sh does']],
});

export const taskList = defineCommand({
  name: 'task list',
  summary: 'Show the tasks, with their steps and times',
  positionals: {},
  flags: serviceFlags,
  examples: [['holdfast task list', 'Those of the environment and of the catalog']],
});

export const taskShow = defineCommand({
  name: 'task show',
  summary: 'Show the steps of a task',
  positionals: { ID },
  flags: serviceFlags,
  examples: [['holdfast task show database', 'Secrets in them are masked']],
});

export const executeRestore = defineCommand({
  name: 'execute-restore',
  summary: 'Run the restore tasks (TASK_<id>_RESTORE), one after the other',
  description: [
    'In the order of their names <value>_<id>.sh, where <value> is that of TASK_<id>_RESTORE. The first that fails ends it.',
    'Exit status: 0 if all of them succeeded, 1 if one failed or there is none.',
  ],
  positionals: {},
  flags: {
    list: switchFlag({ environment: false, help: 'Show them in their order' }),
    only: listFlag({
      placeholder: 'ID',
      environment: false,
      help: 'Only this one; may be repeated. An id, or a name such as 10_database.sh',
    }),
    'dry-run': switchFlag({ environment: false, help: 'Show what would be run' }),
    ...serviceFlags,
  },
  examples: [
    ['holdfast execute-restore', 'Restore everything'],
    ['holdfast execute-restore --only database', 'One of them'],
  ],
});
