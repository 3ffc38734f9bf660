import { closeSync, constants, mkdtempSync, openSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { removeEntry } from '../../src/target/filesystem/remove-tree.ts';

/** A new directory for trees of any kind: however deep or strange, it goes at the end of the block. */
export interface ScratchDirectory extends Disposable {
  readonly path: string;
  /** The absolute path of something in it. */
  of(...names: string[]): string;
}

export function scratchDirectory(): ScratchDirectory {
  const parent = tmpdir();
  const directory = mkdtempSync(path.join(parent, 'holdfast-scratch-'));
  return {
    path: directory,
    of: (...names) => path.join(directory, ...names),
    [Symbol.dispose]() {
      const fd = openSync(parent, constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        const problems = removeEntry(fd, Buffer.from(path.basename(directory)), {
          path: Buffer.from(directory),
        });
        if (problems[0] !== undefined) throw problems[0].error;
      } finally {
        closeSync(fd);
      }
    },
  };
}

/** How many handles this process has open, to see that none is left behind. */
export function openHandles(): number {
  return readdirSync('/proc/self/fd').length;
}
