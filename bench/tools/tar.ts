import { join } from 'node:path';

import type { Tool } from './tool.ts';

/** Not a backup program: what reading and compressing alone cost, without encryption, deduplication or durable writes. */
export const tar: Tool = {
  name: 'tar',
  settings: '`tar | zstd -1 -T2`: no encryption, no deduplication, no durable writes',
  version: ['sh', '-c', 'tar --version | sed q && zstd --version'],
  commands: ({ source, repository, target }) => {
    const archive = join(repository, 'archive.tar.zst');
    const shell = (script: string, ...parameters: string[]): string[] => [
      'bash',
      '-o',
      'pipefail',
      '-c',
      script,
      ...parameters,
    ];
    return {
      first: shell('tar -C "$0" -cf - . | zstd -1 -T2 -q -o "$1"', source, archive),
      check: ['zstd', '-t', '-q', archive],
      restore: shell('zstd -dc "$0" | tar -C "$1" -xpf -', archive, target),
      restoredTo: target,
      environment: {},
    };
  },
};
