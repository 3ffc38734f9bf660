import { defineCommand } from '../command.ts';
import { switchFlag, valueFlag } from '../flag.ts';
import { serviceFlags } from './service-flags.ts';

export const server = defineCommand({
  name: 'server',
  summary: 'Run jobs by their schedules, tell about them, and serve the API',
  description: [
    'Takes jobs from a configuration file, which is read again when it changes or at SIGHUP, from the environment, or from the catalog alone, where the API and "holdfast job" put ' +
      'them. A file that is broken is told in the log and changes nothing. SIGTERM ends the server in order within ten seconds: runs that are under way are ' +
      'cancelled, containers that they stopped are started, and the next backup goes on where this one was.',
    'Several servers may share a catalog in PostgreSQL: each run is done by one of them.',
  ],
  positionals: {},
  flags: {
    config: valueFlag({
      placeholder: 'FILE',
      complete: 'file',
      help: 'A YAML, TOML or JSON file, or a directory of them (default: holdfast.yaml in the configuration directory or in /etc/holdfast, if there is one)',
    }),
    'no-config': switchFlag({ help: 'Read no configuration file: only what is in the catalog' }),
    'config-from-environment': switchFlag({
      help: 'Take the configuration from the environment, as a container does',
    }),
    listen: valueFlag({
      placeholder: 'ADDRESS:PORT',
      help: 'Where the API listens (127.0.0.1:8200); "none" for nowhere',
    }),
    'log-format': valueFlag({
      placeholder: 'FORMAT',
      choices: ['text', 'json'],
      help: 'How the lines of the log look (text)',
    }),
    ...serviceFlags,
  },
  examples: [
    ['holdfast server', 'With /etc/holdfast/holdfast.yaml and a catalog in the state directory'],
    [
      'holdfast server --config jobs.yaml --listen :8200 --log-format json',
      'For a container: all addresses, a log for machines',
    ],
    [
      'holdfast server --database postgresql://holdfast@db/holdfast --no-config',
      'One of several workers',
    ],
  ],
});
