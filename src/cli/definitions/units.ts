import { defineCommand } from '../command.ts';
import { listFlag, switchFlag, valueFlag } from '../flag.ts';
import { serviceFlags } from './service-flags.ts';

const jobs = {
  JOB: { arity: 'any', kind: 'text', help: 'Names of jobs; all that are enabled by default' },
} as const;

const sourceFlags = {
  config: valueFlag({
    placeholder: 'FILE',
    complete: 'file',
    help: 'A YAML, TOML or JSON file, or a directory of them (default: where the server looks; jobs of the catalog if there is none)',
  }),
  program: valueFlag({
    placeholder: 'FILE',
    complete: 'file',
    environment: false,
    help: 'What to call instead of this installation',
  }),
} as const;

const unitFlags = {
  server: switchFlag({
    environment: false,
    help: 'One service that runs all jobs at their time, instead of a timer for each',
  }),
  user: switchFlag({
    environment: false,
    help: 'For the systemd of this user instead of that of the machine',
  }),
  ...sourceFlags,
  writable: listFlag({
    placeholder: 'DIR',
    complete: 'directory',
    environment: false,
    help: 'What may be written besides local destinations, such as where restores go; may be repeated',
  }),
  credential: listFlag({
    placeholder: 'NAME[=FILE]',
    environment: false,
    help: 'Hand over a credential, from /etc/credstore or from a file; those that the configuration names are handed over anyway',
  }),
  'inhibit-sleep': switchFlag({
    environment: false,
    help: 'Keep the machine awake while a job runs',
  }),
  ...serviceFlags,
} as const;

const directory = valueFlag({
  placeholder: 'DIR',
  complete: 'directory',
  environment: false,
  help: 'Where units lie (/etc/systemd/system, or ~/.config/systemd/user)',
});

export const systemdPrint = defineCommand({
  name: 'systemd print',
  summary: 'Print services and timers of systemd for jobs, or a service for the server',
  description: [
    'Each job gets a service and a timer for each of its schedules; the services can do no more than the job needs. What a timer cannot keep, such as blackout windows, is an error that names the job.',
  ],
  positionals: jobs,
  flags: unitFlags,
  examples: [
    ['holdfast systemd print documents', 'What would be installed for a job'],
    ['holdfast systemd print --server', 'The same for the server'],
  ],
});

export const systemdInstall = defineCommand({
  name: 'systemd install',
  summary: 'Install and start services and timers of systemd for jobs, or the server',
  description: [
    'What is installed is made anew as a whole: timers of jobs that are gone go too, and so do all of them with --server, which runs the jobs itself. A server that runs is started anew. Changes of your own belong into drop-ins ("systemctl edit").',
  ],
  positionals: jobs,
  flags: {
    ...unitFlags,
    directory,
    'no-start': switchFlag({
      environment: false,
      help: 'Only write the files; do not call systemctl',
    }),
  },
  examples: [
    ['sudo holdfast systemd install --server', 'Run the server from now on'],
    ['sudo holdfast systemd install', 'A timer for each job instead of a server'],
    ['holdfast systemd install --user --config ~/backup.yaml', 'Backups of a user'],
  ],
});

export const systemdRemove = defineCommand({
  name: 'systemd remove',
  summary: 'Stop and remove what "systemd install" has installed',
  positionals: {
    JOB: { arity: 'any', kind: 'text', help: 'Names of jobs; everything by default' },
  },
  flags: {
    user: unitFlags.user,
    directory,
    'no-start': switchFlag({
      environment: false,
      help: 'Only remove the files; do not call systemctl',
    }),
  },
  examples: [['sudo holdfast systemd remove', 'Everything, the server too']],
});

const cronFlags = {
  ...sourceFlags,
  user: valueFlag({
    placeholder: 'NAME',
    environment: false,
    help: 'Whom jobs run as (root)',
  }),
  'cron-tz': switchFlag({
    environment: false,
    help: 'The cron of this machine understands CRON_TZ, as cronie does: allow jobs in other time zones',
  }),
  ...serviceFlags,
} as const;

const cronOutput = valueFlag({
  placeholder: 'FILE',
  short: 'O',
  complete: 'file',
  environment: false,
  help: 'Where the file lies (/etc/cron.d/holdfast)',
});

export const cronPrint = defineCommand({
  name: 'cron print',
  summary: 'Print a file for /etc/cron.d that runs jobs by their schedules',
  description: [
    'For machines without systemd on which no server is to run. What cron cannot keep, such as "@every 6h" or another time zone, is an error that names the job.',
  ],
  positionals: {},
  flags: cronFlags,
  examples: [['holdfast cron print --config jobs.yaml', 'What would be installed']],
});

export const cronInstall = defineCommand({
  name: 'cron install',
  summary: 'Write a file into /etc/cron.d that runs jobs by their schedules',
  description: [
    'The file is written anew as a whole each time. If a schedule cannot be kept by cron, the old file stays as it is.',
  ],
  positionals: {},
  flags: { ...cronFlags, output: cronOutput },
  examples: [['sudo holdfast cron install', 'Every enabled job of /etc/holdfast/holdfast.yaml']],
});

export const cronRemove = defineCommand({
  name: 'cron remove',
  summary: 'Remove the file that "cron install" has written',
  positionals: {},
  flags: { output: cronOutput },
  examples: [['sudo holdfast cron remove', 'No job runs by cron any more']],
});
