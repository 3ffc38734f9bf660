import { defineCommand } from '../command.ts';
import { switchFlag, valueFlag } from '../flag.ts';
import { serviceFlags } from './service-flags.ts';

export const catalogInfo = defineCommand({
  name: 'catalog info',
  summary: 'Show where the catalog of jobs and runs is, and how much is in it',
  positionals: {},
  flags: serviceFlags,
  examples: [['holdfast catalog info', 'That in the state directory']],
});

export const catalogRekey = defineCommand({
  name: 'catalog rekey',
  summary: 'Encrypt the secrets in the catalog with another key',
  description: [
    'Makes a new key and puts it in the place of the old one, or takes the one in the file of --new-key-file, which has to be named by ' +
      '--catalog-key-file, HOLDFAST_CATALOG_KEY or a credential from then on. Programs that have the catalog open must be started again.',
  ],
  positionals: {},
  flags: {
    ...serviceFlags,
    'new-key-file': valueFlag({
      placeholder: 'FILE',
      complete: 'file',
      environment: false,
      help: 'Take the key in this file instead of a new one',
    }),
    yes: switchFlag({ short: 'y', environment: false, help: 'Do not ask' }),
  },
  examples: [
    ['holdfast catalog rekey', 'A new random key, in the file where the old one was'],
    ['holdfast catalog rekey --new-key-file /etc/holdfast/catalog.key', 'One of your own'],
  ],
});

export const catalogCopy = defineCommand({
  name: 'catalog copy',
  summary: 'Copy jobs, runs and schedules into another database',
  description: [
    'From SQLite to PostgreSQL, or back. The other database must have no catalog in it yet, and no run may be under way: stop the service first, and start it with ' +
      'the other --database afterwards. The key stays the same; the old catalog stays as it is.',
  ],
  positionals: {},
  flags: {
    ...serviceFlags,
    to: valueFlag({
      placeholder: 'URL',
      complete: 'file',
      help: 'The other database: postgresql://user@host/name, or a file. With a password, set HOLDFAST_TO instead',
    }),
  },
  needs: () => [['to', 'Database to copy into']],
  examples: [
    [
      'holdfast catalog copy --to postgresql://holdfast@db.example/holdfast',
      'From the file in the state directory',
    ],
    [
      'holdfast catalog copy --database postgresql://holdfast@db.example/holdfast --to /var/lib/holdfast/catalog.sqlite',
      'Back',
    ],
  ],
});
