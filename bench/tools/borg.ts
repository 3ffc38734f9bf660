import { join } from 'node:path';

import { type Tool, passphrase } from './tool.ts';

export const borg: Tool = {
  name: 'borg',
  settings: '`--compression zstd,1`, `repokey-blake2` (AES-256-CTR with BLAKE2b)',
  version: ['borg', '--version'],
  commands: ({ source, repository, target, state }) => ({
    prepare: { first: ['borg', 'init', '--encryption', 'repokey-blake2', repository] },
    first: ['borg', 'create', '--compression', 'zstd,1', `${repository}::first`, source],
    second: ['borg', 'create', '--compression', 'zstd,1', `${repository}::second`, source],
    snapshots: ['borg', 'list', repository],
    check: ['borg', 'check', '--verify-data', repository],
    // It extracts whole paths into the current directory.
    restore: ['sh', '-c', 'cd "$0" && exec borg extract "$1::first"', target, repository],
    restoredTo: join(target, source),
    environment: {
      BORG_PASSPHRASE: passphrase,
      BORG_BASE_DIR: state,
      BORG_CACHE_DIR: join(state, 'cache'),
    },
  }),
};
