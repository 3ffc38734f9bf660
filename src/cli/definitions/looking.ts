import { defineCommand } from '../command.ts';
import { switchFlag, valueFlag, wholeNumber } from '../flag.ts';
import { archiveFlags } from './archive-flags.ts';
import { repository, snapshotFilterFlags } from './shared-flags.ts';

const snapshotHelp = 'An id, the beginning of one, "latest" or a time (2026-11-01, 3D)';

export const snapshots = defineCommand({
  name: 'snapshots',
  summary: 'List snapshots',
  positionals: { URL: repository },
  flags: {
    ...snapshotFilterFlags,
    latest: valueFlag({
      placeholder: 'N',
      parse: wholeNumber(1),
      help: 'Only the newest N of each host and set of sources',
    }),
    ...archiveFlags,
  },
  examples: [
    ['holdfast snapshots /mnt/disk/documents', 'List all snapshots'],
    ['holdfast snapshots s3://bucket/host --host web1 --json', 'One JSON object a line'],
  ],
});

export const ls = defineCommand({
  name: 'ls',
  summary: 'List what is in a snapshot',
  positionals: {
    URL: repository,
    'SNAPSHOT[:PATH]': {
      arity: 'optional',
      kind: 'snapshot',
      help: `${snapshotHelp}; and what to list of it`,
    },
  },
  flags: {
    recursive: switchFlag({
      short: 'R',
      help: 'List directories below, too (default without PATH)',
    }),
    long: switchFlag({ short: 'l', help: 'Show mode, owner, size and time' }),
    ...archiveFlags,
  },
  examples: [
    ['holdfast ls /mnt/disk/documents', 'List the newest snapshot'],
    ['holdfast ls /mnt/disk/documents 2026-11-01:letters --long', 'List a directory as of a day'],
  ],
});

export const find = defineCommand({
  name: 'find',
  summary: 'Find files by name in all snapshots',
  positionals: {
    URL: repository,
    PATTERN: { arity: 'many', kind: 'text', help: 'Globs as in "backup --exclude", or re:REGEX' },
  },
  flags: {
    ...snapshotFilterFlags,
    snapshot: valueFlag({ placeholder: 'SNAPSHOT', help: 'Look in this snapshot only' }),
    'ignore-case': switchFlag({ short: 'i', help: 'Upper and lower case alike' }),
    long: switchFlag({ short: 'l', help: 'Show mode, owner, size and time' }),
    ...archiveFlags,
  },
  examples: [
    ['holdfast find /mnt/disk/documents "*.odt"', 'Find documents'],
    [
      'holdfast find /mnt/disk/documents --ignore-case "invoice*" --host laptop',
      'Without regard to case, of one host',
    ],
  ],
});

export const diff = defineCommand({
  name: 'diff',
  summary: 'Show what differs between two snapshots',
  positionals: {
    URL: repository,
    A: { arity: 'one', kind: 'snapshot', help: `The older one, or a part of it. ${snapshotHelp}` },
    B: { arity: 'one', kind: 'snapshot', help: 'The newer one, or a part of it' },
  },
  flags: {
    metadata: switchFlag({ help: 'Show changes of owner, mode and times, too' }),
    ...archiveFlags,
  },
  examples: [
    ['holdfast diff /mnt/disk/documents 7D latest', 'What changed in a week'],
    [
      'holdfast diff /mnt/disk/documents 4f2a:letters 91c0:letters',
      'What changed in one directory',
    ],
  ],
});

export const cat = defineCommand({
  name: 'cat',
  summary: 'Write the content of a file in a snapshot to standard output',
  positionals: {
    URL: repository,
    'SNAPSHOT:PATH': { arity: 'one', kind: 'snapshot', help: 'The snapshot and the file in it' },
  },
  flags: archiveFlags,
  examples: [['holdfast cat /mnt/disk/db latest:shop.sql | psql shop', 'Feed a dump back']],
});

export const stats = defineCommand({
  name: 'stats',
  summary: 'Show sizes: of all snapshots, of the repository, of what is no longer needed',
  positionals: { URL: repository },
  flags: archiveFlags,
  examples: [
    ['holdfast stats /mnt/disk/documents', 'How large, how well compressed, how well deduplicated'],
  ],
});
