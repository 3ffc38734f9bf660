import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { temporaryDirectory } from './temporary-directory.ts';

const run = promisify(execFile);

/** A file system of its own, in memory, that is full after so many bytes. */
export interface SmallDisk extends AsyncDisposable {
  /** The mount point; its parent lies on another file system and may be used for other things. */
  readonly path: string;
  unmount(): Promise<void>;
  makeReadOnly(): Promise<void>;
}

/** Why a test that needs a disk of its own is left out. */
export const noSmallDisk = 'mounting a file system takes root and the right to mount';

/**
 * Mounts a small file system. Gives `undefined` where that is not allowed; under `CI` that is an error, so that nobody believes in tests
 * that never ran.
 */
export async function smallDisk(
  bytes: number,
  environment = process.env,
): Promise<SmallDisk | undefined> {
  const directory = await temporaryDirectory();
  const mountPoint = path.join(directory.path, 'disk');
  await mkdir(mountPoint);
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=700`, 'tmpfs', mountPoint]);
  } catch (error) {
    await directory[Symbol.asyncDispose]();
    if (environment['CI'] === 'true') {
      throw new Error(`Under CI this test must run, but ${noSmallDisk}`, { cause: error });
    }
    return undefined;
  }
  let mounted = true;
  const unmount = async (): Promise<void> => {
    if (!mounted) return;
    await released(mountPoint);
    mounted = false;
  };
  return {
    path: mountPoint,
    unmount,
    async makeReadOnly() {
      await run('mount', ['-o', 'remount,ro', mountPoint]);
    },
    async [Symbol.asyncDispose]() {
      await unmount();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Takes a file system away; a server that was ended a moment ago may still hold a file of it. */
async function released(mountPoint: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await run('umount', [mountPoint]);
      return;
    } catch (error) {
      if (attempt === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
