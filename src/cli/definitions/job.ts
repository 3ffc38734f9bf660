import { parseDuration } from '../../base/duration.ts';
import { AppError } from '../../base/errors.ts';
import { activities } from '../../model/job.ts';
import { defineCommand } from '../command.ts';
import { listFlag, switchFlag, valueFlag, wholeNumber } from '../flag.ts';
import { serviceFlags } from './service-flags.ts';
import { yes } from './shared-flags.ts';

const JOB = { arity: 'one', kind: 'text', help: 'Name of the job' } as const;

const activity = valueFlag({
  placeholder: 'ACTIVITY',
  environment: false,
  choices: activities,
  help: 'What to do: backup, retention, check, drill, restore, task or commands (default: what the job is for)',
});

const format = valueFlag({
  placeholder: 'FORMAT',
  environment: false,
  choices: ['yaml', 'json', 'toml'],
  help: 'How to write it (yaml)',
});

export const jobList = defineCommand({
  name: 'job list',
  summary: 'List jobs, how they stand, and when they run next',
  positionals: {},
  flags: serviceFlags,
  examples: [['holdfast job list', 'All jobs of the catalog']],
});

export const jobShow = defineCommand({
  name: 'job show',
  summary: 'Show a job and how it stands',
  positionals: { JOB },
  flags: {
    format,
    'with-secrets': switchFlag({ environment: false, help: 'Show secrets that stand in it, too' }),
    ...serviceFlags,
  },
  examples: [['holdfast job show documents', 'Its definition, its last runs, its next one']],
});

export const jobRun = defineCommand({
  name: 'job run',
  summary: 'Run a job now, here',
  description: [
    'It is done by this process, with progress, and is in the history as any other run; a server that works on the same catalog may go on meanwhile. If another run uses the same repository, ' +
      'it waits. The exit status is 0 for success, 3 with warnings, 75 if it was skipped, otherwise that of the operation that failed (1 for commands and tasks).',
    'Parameters change what this run does: type=full, tag=NAME, force-read=true, dry-run=true, destination=NAME for a backup; target=DIR, snapshot=ID, at=TIME, path=PATH, include=GLOB, ' +
      'exclude=GLOB, overwrite=WHEN, in-place=true, delete=true, verify=true for a restore; read-data=10% for a check.',
  ],
  positionals: {
    JOB,
    'KEY=VALUE': { arity: 'any', kind: 'text', help: 'Parameters of this run' },
  },
  flags: {
    activity,
    config: valueFlag({
      placeholder: 'FILE',
      complete: 'file',
      help: 'Take over the jobs of this file or directory first, as the server does',
    }),
    ...serviceFlags,
  },
  examples: [
    ['holdfast job run documents', 'Back up now'],
    ['holdfast job run documents type=full destination=offsite', 'A full backup, to one place'],
    [
      'holdfast job run documents --activity restore target=/tmp/restored at=3D',
      'Restore from the first destination that answers',
    ],
  ],
});

export const jobHistory = defineCommand({
  name: 'job history',
  summary: 'List runs, the newest first',
  positionals: { JOB: { arity: 'optional', kind: 'text', help: 'Only runs of this job' } },
  flags: {
    activity,
    state: listFlag({
      placeholder: 'STATE',
      environment: false,
      choices: [
        'queued',
        'running',
        'succeeded',
        'warned',
        'failed',
        'skipped',
        'cancelled',
        'broken',
      ],
      help: 'Only runs in this state; may be repeated',
    }),
    limit: valueFlag({
      placeholder: 'N',
      environment: false,
      parse: wholeNumber(1, 100_000),
      help: 'At most so many (20)',
    }),
    ...serviceFlags,
  },
  examples: [
    ['holdfast job history documents', 'What happened lately'],
    ['holdfast job history --state failed --state broken', 'What went wrong'],
  ],
});

export const jobLog = defineCommand({
  name: 'job log',
  summary: 'Show everything about a run: its steps, what they counted and printed',
  positionals: {
    RUN: { arity: 'one', kind: 'text', help: 'Id of a run, or a job for its last one' },
  },
  flags: serviceFlags,
  examples: [['holdfast job log documents', 'The last run of a job']],
});

export const jobCancel = defineCommand({
  name: 'job cancel',
  summary: 'Cancel a run that waits or is under way',
  description: [
    'A run that is under way stops in order: what it has begun is put right, and the next backup goes on where it was.',
  ],
  positionals: {
    RUN: {
      arity: 'one',
      kind: 'text',
      help: 'Id of a run, or a job for all its runs that are not over',
    },
  },
  flags: serviceFlags,
  examples: [['holdfast job cancel documents', 'Whatever the job is about to do']],
});

export const jobAdd = defineCommand({
  name: 'job add',
  summary: 'Add a job to the catalog',
  description: [
    'For the common case; "holdfast job import" takes jobs with everything that a configuration file can say. A running server takes it over at once.',
  ],
  positionals: {
    NAME: { arity: 'one', kind: 'text', help: 'What it is called' },
    SOURCE: { arity: 'any', kind: 'path', help: 'What to back up: paths, or URLs of databases' },
  },
  flags: {
    to: listFlag({
      placeholder: 'URL',
      environment: false,
      help: 'Where to; may be repeated for several destinations',
    }),
    'job-passphrase-file': valueFlag({
      placeholder: 'FILE',
      environment: false,
      complete: 'file',
      help: 'The file that the passphrase of the destinations is read from at each run',
    }),
    unencrypted: switchFlag({ environment: false, help: 'Without a passphrase' }),
    schedule: valueFlag({
      placeholder: 'WHEN',
      environment: false,
      help: 'When it runs: daily, "30 3 * * *", "@every 6h" (manual)',
    }),
    exclude: listFlag({ placeholder: 'GLOB', environment: false, help: 'What to leave out' }),
    tag: listFlag({ placeholder: 'TAG', environment: false, help: 'A tag for its snapshots' }),
    'keep-last': keep('Keep the newest N snapshots'),
    'keep-daily': keep('Keep the newest of each of the last N days'),
    'keep-weekly': keep('The same for weeks'),
    'keep-monthly': keep('The same for months'),
    'keep-yearly': keep('The same for years'),
    drill: valueFlag({
      placeholder: 'WHEN',
      environment: false,
      help: 'When a sample is restored for practice: weekly',
    }),
    check: valueFlag({
      placeholder: 'WHEN',
      environment: false,
      help: 'When damage is looked for',
    }),
    alarm: valueFlag({
      placeholder: 'DURATION',
      environment: false,
      parse(text) {
        if (text !== 'off') parseDuration(text);
        return text;
      },
      help: 'An alarm if there was no success for so long (from the schedule); "off" for none',
    }),
    description: valueFlag({ placeholder: 'TEXT', environment: false, help: 'What it is for' }),
    ...serviceFlags,
  },
  problem: ({ flags, arguments: given }) =>
    (flags['to'] as readonly string[]).length === 0
      ? new AppError('input/usage', `Nothing says where "${String(given['NAME'])}" backs up to`, {
          hint: 'Give a destination with --to URL',
        })
      : undefined,
  examples: [
    [
      'holdfast job add documents /home /etc --to sftp://nas/backup --job-passphrase-file /etc/holdfast/passphrase --schedule daily --keep-daily 7 --keep-weekly 5',
      'A backup each night',
    ],
  ],
});

export const jobRemove = defineCommand({
  name: 'job remove',
  summary: 'Remove a job from the catalog; its snapshots and its history stay',
  positionals: { JOB },
  flags: { yes, ...serviceFlags },
  examples: [['holdfast job remove documents', 'Asks before']],
});

export const jobEnable = defineCommand({
  name: 'job enable',
  summary: 'Let a job run by its schedule again',
  positionals: { JOB },
  flags: serviceFlags,
  examples: [['holdfast job enable documents', 'After it was disabled']],
});

export const jobDisable = defineCommand({
  name: 'job disable',
  summary: 'Keep a job from running by its schedule, and its alarm from sounding',
  positionals: { JOB },
  flags: serviceFlags,
  examples: [['holdfast job disable documents', 'It can still be run by hand']],
});

export const jobExport = defineCommand({
  name: 'job export',
  summary: 'Write jobs and what they share as a configuration file',
  positionals: {
    JOB: { arity: 'any', kind: 'text', help: 'Only these jobs; all by default' },
  },
  flags: {
    format,
    'with-secrets': switchFlag({
      environment: false,
      help: 'Write secrets that stand in the catalog, too: the file has to be kept as one',
    }),
    output: valueFlag({
      placeholder: 'FILE',
      short: 'O',
      environment: false,
      complete: 'file',
      help: 'Write to this file, readable for its owner alone, instead of standard output',
    }),
    ...serviceFlags,
  },
  examples: [
    ['holdfast job export --with-secrets --output jobs.yaml', 'Everything, to move it elsewhere'],
    ['holdfast job export documents --format json', 'One job'],
  ],
});

export const jobImport = defineCommand({
  name: 'job import',
  summary: 'Put the jobs of a configuration file into the catalog',
  description: [
    'The whole file has to make sense, and nothing changes otherwise. Jobs, destinations, channels and periodicities that are there under the same names stay, unless --replace is ' +
      'given. Settings are not taken over.',
    'A job that Duplicati has exported (JSON, not encrypted) becomes one of ours; what cannot be taken over is told. The environment of a container and the options of the charm are shown as ' +
      'configurations by "config show --environment" and "charm config".',
  ],
  positionals: {
    FILE: { arity: 'one', kind: 'path', help: 'YAML, TOML, JSON, or an export of Duplicati' },
  },
  flags: {
    replace: switchFlag({ environment: false, help: 'Replace what has the same name' }),
    'dry-run': switchFlag({
      short: 'n',
      environment: false,
      help: 'Show what would be done and change nothing',
    }),
    ...serviceFlags,
  },
  examples: [
    ['holdfast job import jobs.yaml', 'What "holdfast job export" wrote'],
    ['holdfast job import Documents-duplicati-config.json --dry-run', 'A job of Duplicati'],
  ],
});

export const drill = defineCommand({
  name: 'drill',
  summary: 'Prove that a backup can be restored: a sample, into a sandbox',
  description: [
    'Random files of the newest snapshot are restored into a directory that is removed again, and compared with what was recorded when they were backed up. For a job its settings count, its databases ' +
      'are loaded into scratch databases, and the result is in its history: "last proven restorable". For a URL it is done once, for the newest snapshot there.',
  ],
  positionals: {
    'JOB|URL': { arity: 'one', kind: 'text', help: 'A job, or where a repository is' },
  },
  flags: {
    files: valueFlag({
      placeholder: 'N',
      environment: false,
      parse: wholeNumber(1, 100_000),
      help: 'At most so many files (100)',
    }),
    bytes: valueFlag({ placeholder: 'SIZE', environment: false, help: 'At most so much (1G)' }),
    directory: valueFlag({
      placeholder: 'DIR',
      environment: false,
      complete: 'directory',
      help: 'Where the sandbox is made (the temporary directory)',
    }),
    seed: valueFlag({
      placeholder: 'SEED',
      environment: false,
      help: 'Choose the same files as a drill that had this seed',
    }),
    'cold-storage': switchFlag({
      environment: false,
      help: 'Read from a storage class that is slow or costs money to read',
    }),
    ...serviceFlags,
  },
  examples: [
    ['holdfast drill documents', 'A drill of a job, now'],
    [
      'holdfast drill /mnt/disk/documents --files 20',
      'A look whether a repository can be restored',
    ],
  ],
});

function keep(help: string) {
  return valueFlag({ placeholder: 'N', environment: false, parse: wholeNumber(1), help });
}
