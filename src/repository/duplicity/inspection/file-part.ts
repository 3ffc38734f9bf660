import { readSync } from 'node:fs';

import { AppError, messageOf, systemCodeOf } from '../../../base/errors.ts';

/** Where bytes are in a temporary file that this process has open. */
export interface FilePart {
  readonly fd: number;
  readonly position: number;
  readonly length: number;
}

/** Fills `bytes` with what stands at `position`. Throws `local/unwritable`. */
export function readFully(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    let reason = 'it is shorter than written';
    try {
      const count = readSync(fd, bytes, done, bytes.length - done, position + done);
      done += count;
      if (count > 0) continue;
    } catch (cause) {
      reason = systemCodeOf(cause) ?? messageOf(cause);
    }
    throw new AppError('local/unwritable', `Cannot read a temporary file: ${reason}`);
  }
}
