/**
 * Making a directory with all that it lies in. Instead of Node's `mkdir` with `recursive`, which never ends where a file system says that there is nothing in a
 * directory that is there (`/proc`), and tells of a read-only file system as if something was missing. Here each is made once, and what the system says then is the
 * answer.
 *
 * Both throw the system's error; it is `EEXIST` if something else has the name, a link that leads nowhere among others.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';

import { systemCodeOf } from './errors.ts';

export interface MakeDirectoriesOptions {
  /** Of those that are made; the process may take something from it (`umask`). Default 0o777. */
  readonly mode?: number;
}

export async function makeDirectories(
  directory: string,
  options: MakeDirectoriesOptions = {},
): Promise<void> {
  if (await isDirectory(directory)) return;
  const missing = [directory];
  let parent = path.dirname(directory);
  while (parent !== path.dirname(parent) && !(await exists(parent))) {
    missing.push(parent);
    parent = path.dirname(parent);
  }
  for (const next of missing.toReversed()) {
    try {
      await mkdir(next, options);
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST' || !(await isDirectory(next))) throw error;
    }
  }
}

export function makeDirectoriesSync(
  directory: string | Uint8Array,
  options: MakeDirectoriesOptions = {},
): void {
  const whole = Buffer.from(directory as string);
  if (isDirectorySync(whole)) return;
  const missing = [whole];
  let parent = parentOf(whole);
  while (!parent.equals(parentOf(parent)) && !existsSync(parent)) {
    missing.push(parent);
    parent = parentOf(parent);
  }
  for (const next of missing.toReversed()) {
    try {
      mkdirSync(next, options);
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST' || !isDirectorySync(next)) throw error;
    }
  }
}

async function exists(place: string): Promise<boolean> {
  try {
    await stat(place);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function isDirectory(place: string): Promise<boolean> {
  return (await exists(place)) && (await stat(place)).isDirectory();
}

function isDirectorySync(place: Buffer): boolean {
  return statSync(place, { throwIfNoEntry: false })?.isDirectory() === true;
}

function parentOf(place: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  const slash = place.lastIndexOf(0x2f);
  if (slash === -1) return Buffer.from('.');
  return place.subarray(0, Math.max(1, slash));
}
