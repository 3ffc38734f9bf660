import { join } from 'node:path';

import { type Tool, passphrase } from './tool.ts';

export const restic: Tool = {
  name: 'restic',
  settings: 'repository version 2, `--compression auto` (zstd), AES-256-CTR with Poly1305',
  version: ['restic', 'version'],
  commands: ({ source, repository, copy, target, state }) => {
    const on = (place: string, ...parameters: string[]): string[] => [
      'restic',
      '--repo',
      place,
      '--compression',
      'auto',
      ...parameters,
    ];
    const command = (...parameters: string[]): string[] => on(repository, ...parameters);
    const from = ['--from-repo', repository];
    return {
      prepare: {
        first: command('init', '--repository-version', '2'),
        // With the same places to cut at: otherwise nothing would be found twice later.
        copy: on(copy, 'init', '--repository-version', '2', '--copy-chunker-params', ...from),
      },
      first: command('backup', source),
      second: command('backup', source),
      snapshots: command('snapshots'),
      check: command('check', '--read-data'),
      copy: on(copy, 'copy', ...from),
      restore: command('restore', 'latest', '--target', target),
      // It restores whole paths.
      restoredTo: join(target, source),
      environment: {
        RESTIC_PASSWORD: passphrase,
        RESTIC_FROM_PASSWORD: passphrase,
        RESTIC_CACHE_DIR: state,
      },
    };
  },
};
