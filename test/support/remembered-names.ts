import type { InodeStatus } from '../../src/base/posix/inode-status.ts';
import { mixNameHash, nameHashStart } from '../../src/base/name-sum.ts';
import type { DirectoryMemory } from '../../src/source/filesystem/walk-memory.ts';

/** A directory that is remembered to hold these names; `isAsBefore` says whether one of them is as it was. */
export function rememberedNames(
  names: readonly string[],
  isAsBefore: (name: string, status: InodeStatus, quietSince: number) => boolean,
): DirectoryMemory {
  return {
    count: names.length,
    comparison(quietSince) {
      let at = 0;
      let sum = 0;
      return {
        get sum() {
          return sum;
        },
        next(room) {
          const name = Buffer.from(names[at++]!);
          room.set([...name, 0]);
          sum = (sum + name.reduce(mixNameHash, nameHashStart)) | 0;
          return name.length;
        },
        isAsBefore: (status) => isAsBefore(names[at - 1]!, status, quietSince),
      };
    },
  };
}
