import { AppError } from '../../base/errors.ts';
import { parseSize } from '../../base/size.ts';
import { defineCommand } from '../command.ts';
import { givenName, keptText, listFlag, switchFlag, valueFlag, wholeNumber } from '../flag.ts';
import { archiveBackupFlags } from './archive-flags.ts';
import { databaseSourceFlags } from './database-flags.ts';
import { dryRun, pathRuleFlags, repository } from './shared-flags.ts';

export const backup = defineCommand({
  name: 'backup',
  summary: 'Make a snapshot of directories, files, databases, or the output of a command',
  description: [
    'The repository is made at first use. An interrupted run is continued by the next one. A file that cannot be read is reported and ' +
      'counted, and the exit code is 3.',
    'A glob without a slash matches names at any depth (*.o), one with a leading slash absolute paths (/home/*/cache), any other one ' +
      'the end of paths (src/build). "**" stands for any number of directories, a trailing slash means directories only, "re:" ' +
      'starts a regular expression. Of the rules that match a path or a directory above it, the last one decides.',
    'A SOURCE such as postgresql://user@host/name is a database: a dump of it goes into the repository, without a file on the way. Without a name ' +
      'all databases of the server are dumped, each into a snapshot of its own. There are postgresql, mariadb, mysql, sqlite, redis and mongodb.',
  ],
  positionals: {
    SOURCE: {
      arity: 'many',
      kind: 'path',
      help: 'What to back up: directories and files, or URLs of databases',
    },
    URL: repository,
  },
  flags: {
    ...pathRuleFlags,
    'exclude-if-present': listFlag({
      placeholder: 'NAME',
      help: 'Leave out what lies in directories that hold an entry of this name (.nobackup)',
    }),
    'exclude-caches': switchFlag({
      help: 'Leave out what lies in directories marked by a CACHEDIR.TAG',
    }),
    'one-file-system': switchFlag({ short: 'x', help: 'Do not enter other file systems' }),
    'exclude-larger-than': valueFlag({
      placeholder: 'SIZE',
      parse: parseSize,
      help: 'Leave out files larger than this',
    }),
    'exclude-older-than': valueFlag({
      placeholder: 'TIME',
      help: 'Leave out files not modified since then (2026-01-31, 2Y)',
    }),
    'exclude-newer-than': valueFlag({
      placeholder: 'TIME',
      help: 'Leave out files modified after this time',
    }),
    tag: listFlag({ placeholder: 'TAG[,TAG…]', help: 'Give the snapshot a tag', parse: keptText }),
    job: valueFlag({
      placeholder: 'NAME',
      environment: false,
      help: 'Mark the snapshot as one of this job by the tag "job:NAME" (archives hold no tags)',
      parse: keptText,
    }),
    host: valueFlag({
      placeholder: 'NAME',
      help: 'Record this host name instead of that of the machine',
      parse: givenName,
    }),
    time: valueFlag({ placeholder: 'TIME', help: 'Record this time instead of now' }),
    stdin: switchFlag({ help: 'Back up what comes from standard input' }),
    'stdin-filename': valueFlag({
      placeholder: 'NAME',
      help: 'The name for the content of --stdin and --stdin-from-command [stdin]',
    }),
    'stdin-from-command': switchFlag({
      help: 'Run the command after "--" and back up its output; if it fails, there is no snapshot',
    }),
    'no-init': switchFlag({ help: 'Do not make the repository if there is none' }),
    'force-read': switchFlag({ help: 'Read every file, also those that look unchanged' }),
    'no-verify': switchFlag({ help: 'Do not decrypt and compare packs before they are sent' }),
    compression: valueFlag({
      placeholder: 'LEVEL',
      choices: ['none', 'fast', 'default', 'better', 'best'],
      help: 'How hard to compress; "default" is as fast as "fast"',
    }),
    'read-concurrency': valueFlag({
      placeholder: 'N',
      parse: wholeNumber(1, 256),
      help: 'Work on content with so many threads (as many as there are cores, at most 8)',
    }),
    'dry-run': dryRun,
    ...databaseSourceFlags,
    ...archiveBackupFlags,
  },
  restFlag: 'stdin-from-command',
  without: (flags) =>
    flags['stdin'] === true ||
    flags['stdin-from-command'] === true ||
    flags['synthetic-full'] === true ||
    (flags['database-source'] as readonly string[]).length > 0
      ? ['SOURCE']
      : [],
  problem({ flags, rest }) {
    const streams = Number(flags['stdin'] === true) + Number(flags['stdin-from-command'] === true);
    if (streams === 2) {
      return new AppError('input/usage', '"--stdin" and "--stdin-from-command" exclude each other');
    }
    if (flags['stdin-from-command'] === true && rest.length === 0) {
      return new AppError('input/usage', 'The command to back up the output of is missing', {
        hint: 'Write it after "--": holdfast backup URL --stdin-from-command -- pg_dump database',
      });
    }
    if (streams === 0 && flags['stdin-filename'] !== undefined) {
      return new AppError(
        'input/usage',
        '"--stdin-filename" needs "--stdin" or "--stdin-from-command"',
      );
    }
    return undefined;
  },
  examples: [
    ['holdfast backup ~/Documents /mnt/disk/documents', 'Back up a directory to a disk'],
    [
      'holdfast backup /etc /home s3://bucket/host --exclude .cache/ --exclude-caches',
      'Leave caches out',
    ],
    [
      'holdfast backup ~/photos /mnt/disk/photos --include "*.jpg" --include "*.raw"',
      'Take only pictures',
    ],
    [
      'holdfast backup /mnt/disk/db --stdin-from-command --stdin-filename shop.sql -- pg_dump shop',
      'Back up the output of a command; a failing one makes no snapshot',
    ],
    [
      'holdfast backup postgresql://backup@db.example /mnt/disk/db --database-exclude ^test_',
      'Dump all databases of a server but some',
    ],
  ],
});
