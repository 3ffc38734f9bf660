import { charmActions } from '../../configuration/charm/charm-actions.ts';
import { charmHooks } from '../../configuration/charm/charm-hooks.ts';
import { defineCommand } from '../command.ts';
import { switchFlag, valueFlag } from '../flag.ts';
import { serviceFlags } from './service-flags.ts';

const unitFlags = {
  options: valueFlag({
    placeholder: 'FILE',
    complete: 'file',
    environment: false,
    help: 'Take the options from a YAML or JSON file instead of those in force on this machine',
  }),
  unit: valueFlag({
    placeholder: 'NAME',
    help: 'The unit, such as mysql/0 (JUJU_UNIT_NAME, else the name of the host)',
  }),
  root: valueFlag({
    placeholder: 'DIR',
    complete: 'directory',
    help: 'Look for and write files below this directory instead of /',
  }),
} as const;

export const runAction = defineCommand({
  name: 'run-action',
  summary: 'Do what an action of the charm does, with or without Juju',
  description: [
    `Actions: ${charmActions.map(({ name }) => name).join(', ')}. Parameters and, for this time only, options of the charm are given as NAME=VALUE. The result is an object with "status" ("completed" or ` +
      '"failed") and "results", in which "output" is all that the backup printed. Called by Juju, it is told to Juju as well. It is recorded in the history, so that monitoring sees it.',
  ],
  positionals: {
    ACTION: { arity: 'one', kind: 'text', help: 'What to do' },
    'NAME=VALUE': {
      arity: 'any',
      kind: 'text',
      help: 'A parameter of the action, or an option of the charm',
    },
  },
  flags: {
    ...serviceFlags,
    ...unitFlags,
    format: valueFlag({
      placeholder: 'FORMAT',
      environment: false,
      choices: ['yaml', 'json'],
      help: 'How to print the result (yaml)',
    }),
    scheduled: switchFlag({
      environment: false,
      help: 'Called by a schedule: does nothing while the unit is blocked',
    }),
  },
  examples: [
    ['holdfast run-action do-backup', 'A full backup, now'],
    [
      'holdfast run-action do-backup type=incremental backend=file remote_backup_url=file:///mnt',
      'Elsewhere, this once',
    ],
    [
      'holdfast run-action restore target=/srv/restored path=etc/app.conf',
      'One file of the newest backup',
    ],
    ['holdfast run-action remove-older-than time=30D', 'Free space'],
  ],
});

export const charmStatusCommand = defineCommand({
  name: 'charm status',
  summary: 'Say whether the options of a unit allow backups: active, or blocked and why',
  description: ['The exit status is 1 when the unit is blocked.'],
  positionals: {},
  flags: { ...unitFlags },
  examples: [
    ['holdfast charm status --options bundle-options.yaml', 'Before a bundle is deployed'],
  ],
});

export const charmGenerate = defineCommand({
  name: 'charm generate',
  summary: 'Write the folder of a Juju charm that backs up with this program',
  positionals: {
    DIR: { arity: 'one', kind: 'path', help: 'A directory that is new or empty' },
  },
  flags: {},
  examples: [['holdfast charm generate ./holdfast-charm', 'Then "juju deploy ./holdfast-charm"']],
});

export const charmHook = defineCommand({
  name: 'charm hook',
  summary: 'What the hooks of the charm call',
  positionals: {
    HOOK: { arity: 'one', kind: 'text', choices: charmHooks, help: 'The name of the hook' },
  },
  flags: { ...unitFlags },
  examples: [['holdfast charm hook config-changed', 'Called by Juju']],
});

export const charmConfiguration = defineCommand({
  name: 'charm config',
  summary: 'Show the options of a unit as a configuration for "holdfast server"',
  positionals: {},
  flags: {
    ...unitFlags,
    'with-secrets': switchFlag({ environment: false, help: 'Show secrets, too' }),
  },
  examples: [
    [
      'holdfast charm config --options bundle-options.yaml --with-secrets > holdfast.yaml',
      'From a charm to the server',
    ],
  ],
});
