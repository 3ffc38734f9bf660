import type { InodeStatus } from '../../base/posix/inode-status.ts';

/** What an earlier walk saw. */
export interface WalkMemory<Directory extends DirectoryMemory = DirectoryMemory> {
  /** Of what changed at or after this time, in seconds since 1970, nobody can say that it is as it was. */
  readonly quietSince: number;
  recall(path: Uint8Array): Directory | undefined;
}

/** What was in one directory. */
export interface DirectoryMemory {
  /** How many names. */
  readonly count: number;
  comparison(quietSince: number): Comparison;
}

/** The names in a directory as they are remembered, in byte order, one after the other. After the first that is not as it was it is of no more use. */
export interface Comparison {
  /** Writes the next name and a NUL into `room`; gives the length of the name, or -1 if there is none that fits. */
  next(room: Uint8Array): number;
  /** What stands for the names so far (`base/name-sum.ts`). */
  readonly sum: number;
  /** Whether what the system says of that name now is what is remembered. */
  isAsBefore(status: InodeStatus): boolean;
}
