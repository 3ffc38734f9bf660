import { join } from 'node:path';

import { type Tool, passphrase } from './tool.ts';

export const duplicity: Tool = {
  name: 'duplicity',
  settings: 'all defaults: gzip, symmetric GnuPG; no check that reads the repository alone',
  version: ['duplicity', '--version'],
  commands: ({ source, repository, target, state }) => {
    const command = (...parameters: string[]): string[] => [
      'duplicity',
      ...parameters,
      '--archive-dir',
      join(state, 'archive'),
    ];
    const url = `file://${repository}`;
    return {
      // GnuPG refuses a home directory that others may read.
      prepare: { first: ['mkdir', '-m', '700', join(state, 'gnupg')] },
      first: command('full', source, url),
      second: command('incremental', source, url),
      snapshots: command('collection-status', url),
      restore: command('restore', url, target, '--force'),
      cleanUp: ['gpgconf', '--kill', 'gpg-agent'],
      restoredTo: target,
      environment: { PASSPHRASE: passphrase, GNUPGHOME: join(state, 'gnupg') },
    };
  },
};
