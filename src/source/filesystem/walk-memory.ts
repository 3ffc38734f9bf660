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

/**
 * Called for each name there is, in byte order, with what the system says of it now: whether it is the one that is next in the memory, and was just so. After the
 * first `false` it is of no more use.
 */
export type Comparison = (name: Uint8Array, status: InodeStatus) => boolean;
