import { parseSize } from '../../base/size.ts';
import { defineCommand } from '../command.ts';
import { switchFlag, valueFlag } from '../flag.ts';

export const destinationTest = defineCommand({
  name: 'destination test',
  summary: 'Try whether a storage does all that backups need',
  description: [
    'Writes, reads, lists, replaces and deletes objects of its own, and removes them at the end, so it can be run where ' +
      'backups are. It also measures how far away and how fast the storage is. The exit code is 1 when something failed.',
  ],
  positionals: {
    URL: { arity: 'one', kind: 'destination', help: 'The storage: a URL or a path' },
  },
  flags: {
    size: valueFlag({
      placeholder: 'SIZE',
      parse: parseSize,
      help: 'How much to send and fetch to measure the speed (default 16M)',
    }),
  },
  examples: [
    ['holdfast destination test sftp://backup@nas.example/holdfast', 'Before the first backup'],
    ['holdfast destination test s3://bucket/host --size 200M', 'Measure with a larger object'],
  ],
});

export const destinationList = defineCommand({
  name: 'destination list',
  summary: 'Show the kinds of storage and their options',
  positionals: {
    SCHEME: {
      arity: 'optional',
      kind: 'text',
      help: 'One of them, for all its options: sftp, s3 …',
    },
  },
  flags: { options: switchFlag({ help: 'Show the options of every kind' }) },
  examples: [
    ['holdfast destination list', 'What there is'],
    ['holdfast destination list sftp', 'The options of one kind'],
  ],
});
