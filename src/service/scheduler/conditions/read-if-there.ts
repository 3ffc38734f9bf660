import { readFile } from 'node:fs/promises';

import type { CallOptions } from '../../../base/call-options.ts';

/** A small text file without the blanks around it; `undefined` if it is not there or cannot be read, as with what the kernel tells of devices that come and go. */
export async function readIfThere(
  file: string,
  { signal }: CallOptions,
): Promise<string | undefined> {
  try {
    return (await readFile(file, { encoding: 'utf8', signal })).trim();
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}
