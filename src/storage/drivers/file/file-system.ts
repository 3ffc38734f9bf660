import * as real from 'node:fs/promises';

import { systemCodeOf } from '../../../base/errors.ts';

/** The system calls that the file driver makes; tests put themselves in between. */
export type FileSystem = Pick<
  typeof real,
  'open' | 'rename' | 'link' | 'unlink' | 'mkdir' | 'lstat' | 'stat' | 'readdir'
>;

export const systemFileSystem: FileSystem = real;

/** Makes a system call again for as long as a signal interrupts it. Not for `close`, which has closed all the same. */
export async function uninterrupted<Result>(call: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (systemCodeOf(error) !== 'EINTR') throw error;
    }
  }
}

/** The result of a system call, or `undefined` when there is nothing at that path; any other failure rejects. */
export async function unlessMissing<Result>(
  call: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await uninterrupted(call);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Nothing is at the path: either its last part is missing or what comes before it is no directory. */
export function isMissing(error: unknown): boolean {
  const code = systemCodeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}
