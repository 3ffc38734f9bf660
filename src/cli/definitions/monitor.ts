import { defineCommand } from '../command.ts';
import { listFlag, valueFlag, wholeNumber } from '../flag.ts';
import { statusFile } from './monitor-nagios.ts';
import { serviceFlags } from './service-flags.ts';

export const monitorStatus = defineCommand({
  name: 'monitor status',
  summary: 'Show how every job stands',
  description: [
    'The exit code is 0 whatever the status is, so that it can be told from an error; "monitor nagios" and "monitor health" judge.',
  ],
  positionals: {},
  flags: {
    ...serviceFlags,
    'status-file': valueFlag({
      placeholder: 'FILE',
      complete: 'file',
      help: 'Read it from a status file instead of the catalog',
    }),
    job: listFlag({
      placeholder: 'NAME',
      environment: false,
      help: 'Only this job; may be repeated',
    }),
  },
  examples: [
    ['holdfast monitor status', 'All jobs in a table'],
    ['holdfast monitor status --json --job documents', 'One job with all its details'],
  ],
});

export const monitorMetrics = defineCommand({
  name: 'monitor metrics',
  summary: 'Print metrics for Prometheus',
  positionals: {},
  flags: {
    ...serviceFlags,
    'status-file': valueFlag({
      placeholder: 'FILE',
      complete: 'file',
      help: 'Make them from a status file instead of the catalog',
    }),
  },
  examples: [
    ['holdfast monitor metrics', 'As they are now'],
    [
      'holdfast monitor metrics > /var/lib/prometheus/node-exporter/holdfast.prom',
      'Without a service; with one, set "metricsFile"',
    ],
  ],
});

export const monitorHealth = defineCommand({
  name: 'monitor health',
  summary: 'Ask a service whether it is well',
  description: ['For health checks of containers. The exit code is 0 if it is, 1 if it is not.'],
  positionals: {},
  flags: {
    url: valueFlag({
      placeholder: 'URL',
      environment: false,
      help: 'The address of the service (default http://127.0.0.1:8200)',
    }),
    check: valueFlag({
      placeholder: 'WHAT',
      choices: ['live', 'ready', 'backups'],
      environment: false,
      help: 'live: it answers (default); ready: it can work; backups: they are fresh',
    }),
    seconds: valueFlag({
      placeholder: 'N',
      environment: false,
      parse: wholeNumber(1, 3600),
      help: 'Wait at most so long for the answer (default 5)',
    }),
  },
  examples: [
    ['holdfast monitor health', 'HEALTHCHECK of a container'],
    ['holdfast monitor health --check backups', 'Whether backups are fresh'],
  ],
});

const nrpeDirectory = valueFlag({
  placeholder: 'DIR',
  complete: 'directory',
  environment: false,
  help: 'Below this directory instead of /',
});

export const monitorNrpeInstall = defineCommand({
  name: 'monitor nrpe-install',
  summary: 'Let the NRPE server of this machine check the backups',
  description: [
    'Writes the commands check_backups and check_backup_deletions for the NRPE server, their plugins, and, where /var/lib/nagios/export exists, ' +
      'the services for the Nagios server. It can be run again at any time: only what has changed is written.',
  ],
  positionals: {},
  flags: {
    directory: nrpeDirectory,
    context: valueFlag({
      placeholder: 'NAME',
      environment: false,
      help: 'What the name of the host begins with for Nagios (default juju)',
    }),
    unit: valueFlag({
      placeholder: 'NAME',
      environment: false,
      help: 'What follows it, "/" becoming "-" (default: the name of this host)',
    }),
    servicegroups: valueFlag({
      placeholder: 'NAME[,NAME…]',
      environment: false,
      help: 'Groups of the services (default: the context)',
    }),
    'status-file': statusFile,
    program: valueFlag({
      placeholder: 'FILE',
      complete: 'file',
      environment: false,
      help: 'The program that the plugins run (default: this one)',
    }),
  },
  examples: [
    ['holdfast monitor nrpe-install', 'On the machine whose backups are watched'],
    [
      'holdfast monitor nrpe-install --context prod --servicegroups backups',
      "With names of one's own",
    ],
  ],
});

export const monitorNrpeRemove = defineCommand({
  name: 'monitor nrpe-remove',
  summary: 'Take back what "monitor nrpe-install" wrote',
  positionals: {},
  flags: { directory: nrpeDirectory },
  examples: [['holdfast monitor nrpe-remove', 'The NRPE server has to be reloaded afterwards']],
});
