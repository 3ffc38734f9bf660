import { AppError } from '../../base/errors.ts';
import { defineCommand } from '../command.ts';
import { switchFlag, valueFlag } from '../flag.ts';
import { archiveFlags } from './archive-flags.ts';
import { dryRun, pathRuleFlags, repository } from './shared-flags.ts';

export const restore = defineCommand({
  name: 'restore',
  summary: 'Write a snapshot, or a part of it, into a directory',
  description: [
    'With one source the target becomes a copy of it; with several, each lies under its own path below their common parent. Nothing is ' +
      'ever written outside the target. A restore that was interrupted is continued by running it again.',
  ],
  positionals: {
    URL: repository,
    'SNAPSHOT[:PATH]': {
      arity: 'optional',
      kind: 'snapshot',
      help: 'An id, the beginning of one, "latest" (default) or a time; and what to restore of it',
    },
  },
  flags: {
    target: valueFlag({
      placeholder: 'DIR',
      short: 't',
      complete: 'directory',
      help: 'Where to write to (not needed with --in-place)',
    }),
    at: valueFlag({
      placeholder: 'TIME',
      help: 'The newest snapshot not younger than this (2026-11-01, 3D)',
    }),
    include: pathRuleFlags.include,
    exclude: pathRuleFlags.exclude,
    iinclude: pathRuleFlags.iinclude,
    iexclude: pathRuleFlags.iexclude,
    'include-from': pathRuleFlags['include-from'],
    'exclude-from': pathRuleFlags['exclude-from'],
    'in-place': switchFlag({
      help: 'Write to where the files came from; only blocks that differ are written',
    }),
    delete: switchFlag({ help: 'Delete what is in the target and not in the snapshot' }),
    overwrite: valueFlag({
      placeholder: 'WHEN',
      choices: ['always', 'never', 'if-changed', 'if-newer'],
      help: 'What to do with files that are there: replace, keep, replace if different (as with --in-place), replace if the snapshot has a newer one; without it the target must be empty',
    }),
    owners: valueFlag({
      placeholder: 'HOW',
      choices: ['numbers', 'names'],
      help: 'Give files to owners by number (default), or to those who have their names here',
    }),
    verify: switchFlag({ help: 'Read back and compare what was written' }),
    'dry-run': dryRun,
    ...archiveFlags,
  },
  needs: (flags) => (flags['in-place'] === true ? [] : [['target', 'Directory to restore into']]),
  problem({ flags, arguments: given }) {
    if (flags['target'] !== undefined && flags['in-place'] === true) {
      return new AppError('input/usage', '"--target" and "--in-place" exclude each other');
    }
    if (flags['at'] !== undefined && /^[^:]/u.test(String(given['SNAPSHOT[:PATH]'] ?? ''))) {
      return new AppError('input/usage', '"--at" and a SNAPSHOT exclude each other', {
        hint: 'To restore a path as of a time, write :PATH with "--at", or TIME:PATH',
      });
    }
    return undefined;
  },
  examples: [
    ['holdfast restore /mnt/disk/documents --target ~/restored', 'Restore the newest snapshot'],
    [
      'holdfast restore /mnt/disk/documents latest:letters/2026 --target /tmp/letters',
      'Restore one directory',
    ],
    [
      'holdfast restore s3://bucket/host --at 3D --include "*.jpg" --target /tmp/photos',
      'Restore pictures as of three days ago',
    ],
    [
      'holdfast restore /mnt/disk/documents --in-place --delete --dry-run',
      'Show what going back to the snapshot would change',
    ],
  ],
});
