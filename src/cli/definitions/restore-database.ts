import { AppError } from '../../base/errors.ts';
import { defineCommand } from '../command.ts';
import { switchFlag, valueFlag } from '../flag.ts';
import { archiveFlags } from './archive-flags.ts';
import { databaseToolFlags } from './database-flags.ts';
import { repository } from './shared-flags.ts';

/**
 * For a drill: `HOLDFAST_TO` is the URL of a server where scratch databases may be made, `HOLDFAST_REPOSITORY` the destination, the command line
 * `holdfast restore-database --json --scratch SNAPSHOT`; the `summary` has `tables` and `rows`.
 */
export const restoreDatabase = defineCommand({
  name: 'restore-database',
  summary: 'Load a dump of a database from a snapshot into a database',
  description: [
    'The dump goes from the repository into the tool that loads it, without a file in between. It has to be complete, every program has to end well, and the first ' +
      'error stops it. The target must be empty, unless --clean replaces it. A PostgreSQL database that fails to load is left as it was.',
    'SNAPSHOT is an id, or the name of a dump: "app.dump", or more of its path ("postgresql/db.example/app.dump"), for the newest snapshot of it; it may be left out if there ' +
      'are dumps of one database only.',
  ],
  positionals: {
    URL: repository,
    'SNAPSHOT[:PATH]': {
      arity: 'optional',
      kind: 'snapshot',
      help: 'An id or the name of a dump; and the file that is the dump if the snapshot has others',
    },
  },
  flags: {
    to: valueFlag({
      placeholder: 'URL',
      help: 'The database to load into; a path for SQLite and Redis',
    }),
    create: switchFlag({ help: 'Make the database' }),
    clean: switchFlag({ help: 'Replace what the database holds' }),
    scratch: switchFlag({
      help: 'Load into a database that is made for it, count what is in it, and remove it again',
    }),
    'no-owners': switchFlag({
      help: 'PostgreSQL (not plain): let everything belong to the user who loads, without the rights that were given',
    }),
    ...databaseToolFlags,
    ...archiveFlags,
  },
  needs: (flags) => (flags['scratch'] === true ? [] : [['to', 'Database to load into (URL)']]),
  problem({ flags }) {
    if (flags['scratch'] !== true || (flags['create'] !== true && flags['clean'] !== true)) {
      return undefined;
    }
    return new AppError('input/usage', '"--scratch" makes a database of its own', {
      hint: 'Leave --create and --clean out',
    });
  },
  examples: [
    [
      'holdfast restore-database /mnt/disk/db app.dump --to postgresql://admin@db/app2 --create',
      'Load the newest dump of "app" into a new database',
    ],
    [
      'holdfast restore-database s3://bucket/db 4f2a --to mariadb://root@db/shop --clean',
      'Go back to what a snapshot holds',
    ],
    [
      'holdfast restore-database /mnt/disk/db app.dump --to postgresql://admin@localhost --scratch',
      'Prove that a dump can be loaded',
    ],
  ],
});
