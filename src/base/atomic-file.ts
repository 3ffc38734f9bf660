import { constants } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';

import { toHex } from './bytes.ts';
import type { CallOptions } from './call-options.ts';
import { systemRandom } from './random.ts';

export interface WriteFileOptions extends CallOptions {
  readonly mode?: number;
  /** The mode is as it says, whatever the umask takes away: for what others are meant to read. */
  readonly exactMode?: boolean;
  /** Survives a power cut once the promise resolves. Without it a reader still never sees half a file, unless there is one. */
  readonly durable?: boolean;
}

/**
 * Writes a file so that whoever opens it sees the old content or the new one, never a mix or a part. Rejects with the system's error;
 * then the old content is still there and nothing else is left.
 */
export async function writeFileAtomically(
  file: string,
  bytes: Uint8Array,
  { signal, mode = 0o600, exactMode = false, durable = true }: WriteFileOptions = {},
): Promise<void> {
  signal?.throwIfAborted();
  const directory = path.dirname(file);
  const temporary = path.join(directory, `.${toHex(systemRandom(12))}.unfinished`);
  const handle = await open(temporary, 'wx', mode);
  try {
    try {
      if (exactMode) await handle.chmod(mode);
      await handle.writeFile(bytes);
      if (durable) await handle.datasync();
    } finally {
      await handle.close();
    }
    signal?.throwIfAborted();
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (durable) await syncDirectory(directory);
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
