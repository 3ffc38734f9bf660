import { lstat, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';

import { toHex } from '../../base/bytes.ts';
import type { CallOptions } from '../../base/call-options.ts';
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import type { RandomBytes } from '../../base/random.ts';

/**
 * Writes a stream to a file beside its final place, lets it be looked at, and moves it there: whoever opens the file sees the old one or the whole new one.
 *
 * @param check is given the path of the new file; what it throws leaves the old one
 * @throws AppError `target/unwritable`, and what the stream and `check` throw
 */
export async function placeFile(
  target: string,
  pieces: AsyncIterable<Uint8Array>,
  {
    signal,
    random,
    check,
  }: CallOptions & {
    readonly random: RandomBytes;
    readonly check: (file: string) => Promise<void>;
  },
): Promise<void> {
  const directory = path.dirname(target);
  const temporary = path.join(directory, `.${toHex(random(8))}.unfinished`);
  let isPlaced = false;
  try {
    const handle = await own(open(temporary, 'wx', 0o600), target);
    try {
      for await (const piece of pieces) {
        signal?.throwIfAborted();
        await own(handle.writeFile(piece), target);
      }
      await own(handle.sync(), target);
    } finally {
      await handle.close();
    }
    await check(temporary);
    signal?.throwIfAborted();
    await own(rename(temporary, target), target);
    isPlaced = true;
    await using parent = await open(directory);
    await parent.sync();
  } finally {
    if (!isPlaced) await rm(temporary, { force: true });
  }
}

/** Whether something is at a path, a dangling link too. */
export async function isOccupied(file: string): Promise<boolean> {
  try {
    await lstat(file);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw new AppError('target/unwritable', `Cannot look at "${file}": ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function own<Value>(work: Promise<Value>, target: string): Promise<Value> {
  try {
    return await work;
  } catch (cause) {
    throw new AppError('target/unwritable', `Cannot write "${target}": ${messageOf(cause)}`, {
      cause,
    });
  }
}
