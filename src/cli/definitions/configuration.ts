import { defineCommand } from '../command.ts';
import { listFlag, switchFlag, valueFlag } from '../flag.ts';

const FILE = {
  arity: 'optional',
  kind: 'path',
  help: 'A YAML, TOML or JSON file, or a directory of them (HOLDFAST_CONFIG)',
} as const;

export const configValidate = defineCommand({
  name: 'config validate',
  summary: 'Look whether a configuration makes sense',
  description: [
    'Every problem is told with its file and line, and the exit status is 2. With --environment the variables of the environment are looked at, ' +
      'as a container would take them.',
  ],
  positionals: { FILE },
  flags: {
    environment: switchFlag({
      environment: false,
      help: 'Look at the environment instead of a file',
    }),
    secrets: switchFlag({ help: 'Also look whether every secret can be found' }),
  },
  examples: [
    ['holdfast config validate /etc/holdfast/holdfast.yaml', 'Before the server reads it'],
    ['holdfast config validate --environment', 'What a container would do with these variables'],
  ],
});

export const configShow = defineCommand({
  name: 'config show',
  summary: 'Show a configuration as it is understood, without its secrets',
  positionals: { FILE },
  flags: {
    environment: switchFlag({
      environment: false,
      help: 'Show that of the environment instead of a file',
    }),
    format: valueFlag({
      placeholder: 'FORMAT',
      environment: false,
      choices: ['yaml', 'json', 'toml'],
      help: 'How to write it (yaml)',
    }),
    'with-secrets': switchFlag({ environment: false, help: 'Show secrets that stand in it, too' }),
  },
  examples: [
    ['holdfast config show /etc/holdfast', 'All files of a directory as one'],
    ['holdfast config show --environment > holdfast.yaml', 'From variables to a file'],
  ],
});

export const configGenerate = defineCommand({
  name: 'config generate',
  summary: 'Write a first configuration to start from',
  positionals: {
    SOURCE: { arity: 'any', kind: 'path', help: 'What to back up' },
  },
  flags: {
    destination: valueFlag({ placeholder: 'URL', environment: false, help: 'Where to' }),
    name: valueFlag({ placeholder: 'NAME', environment: false, help: 'What the job is called' }),
    schedule: valueFlag({ placeholder: 'WHEN', environment: false, help: 'When it runs (daily)' }),
    exclude: listFlag({ placeholder: 'PATTERN', environment: false, help: 'What to leave out' }),
    output: valueFlag({
      placeholder: 'FILE',
      short: 'O',
      complete: 'file',
      environment: false,
      help: 'Write to a file, which must not be there yet, instead of standard output',
    }),
  },
  examples: [
    [
      'holdfast config generate /home /etc --destination sftp://backup@nas/host --output holdfast.yaml',
      'A daily backup with a sensible retention',
    ],
  ],
});

export const configSchema = defineCommand({
  name: 'config schema',
  summary: 'Print the JSON Schema of the configuration file, for editors',
  positionals: {},
  flags: {},
  examples: [
    ['holdfast config schema > holdfast.schema.json', 'For the YAML extension of an editor'],
  ],
});
