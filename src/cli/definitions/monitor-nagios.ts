import { parseNagiosRange } from '../../service/nagios/nagios-range.ts';
import { defineCommand } from '../command.ts';
import { listFlag, switchFlag, valueFlag } from '../flag.ts';

export const statusFile = valueFlag({
  placeholder: 'FILE',
  complete: 'file',
  help: 'Read the status from here (default /var/lib/holdfast-status/status.json, else status.json in the state directory)',
});

export const monitorNagios = defineCommand({
  name: 'monitor nagios',
  summary: 'Plugin for Nagios and its like',
  description: [
    'Prints "OK", or "WARNING: Backup not completed successfully:" and why, with details on further lines. A job that did not succeed in ' +
      'time counts as one that failed, also if it never ran; a run that is under way changes nothing.',
    'The exit code is 0 (OK), 1 (WARNING), 2 (CRITICAL) or 3 (UNKNOWN: the status cannot be read, or nobody has written it for too long).',
    'Ranges are those of the Monitoring Plugins Development Guidelines, of the time since the last success: 26h alerts above, 1h: below, 1h:26h outside, ' +
      '@1h:26h inside. Numbers without a unit are seconds.',
  ],
  positionals: {},
  flags: {
    'status-file': statusFile,
    job: listFlag({
      placeholder: 'GLOB',
      environment: false,
      help: 'Only jobs with such names; may be repeated',
    }),
    check: valueFlag({
      placeholder: 'WHAT',
      choices: ['backup', 'retention', 'check', 'restore-test'],
      environment: false,
      help: 'What to look at: backup (default, also tasks and commands), retention, check, restore-test',
    }),
    warning: valueFlag({
      short: 'w',
      placeholder: 'RANGE',
      environment: false,
      parse: parseNagiosRange,
      help: 'WARNING when the last success is so old',
    }),
    critical: valueFlag({
      short: 'c',
      placeholder: 'RANGE',
      environment: false,
      parse: parseNagiosRange,
      help: 'CRITICAL when the last success is so old',
    }),
    'failure-critical': switchFlag({
      environment: false,
      help: 'A failure is CRITICAL instead of WARNING',
    }),
    'alert-warnings': switchFlag({
      environment: false,
      help: 'WARNING for a success with warnings too, such as files that could not be read',
    }),
    perfdata: switchFlag({
      environment: false,
      help: 'Print performance data; always done with -w or -c',
    }),
  },
  examples: [
    ['holdfast monitor nagios', 'Whether all backups are well'],
    ['holdfast monitor nagios --job documents -w 26h -c 3D', 'By age'],
    ['holdfast monitor nagios --check restore-test -c 35D', 'Whether restoring was tried lately'],
  ],
});
