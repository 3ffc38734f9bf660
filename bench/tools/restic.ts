import { join } from 'node:path';

import { type Tool, passphrase } from './tool.ts';

export const restic: Tool = {
  name: 'restic',
  settings: 'repository version 2, `--compression auto` (zstd), AES-256-CTR with Poly1305',
  version: ['restic', 'version'],
  commands: ({ source, repository, target, state }) => {
    const command = (...parameters: string[]): string[] => [
      'restic',
      '--repo',
      repository,
      '--compression',
      'auto',
      ...parameters,
    ];
    return {
      init: command('init', '--repository-version', '2'),
      first: command('backup', source),
      second: command('backup', source),
      snapshots: command('snapshots'),
      check: command('check', '--read-data'),
      restore: command('restore', 'latest', '--target', target),
      // It restores whole paths.
      restoredTo: join(target, source),
      environment: { RESTIC_PASSWORD: passphrase, RESTIC_CACHE_DIR: state },
    };
  },
};
