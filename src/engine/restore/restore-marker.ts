import { closeSync, constants, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';

import { concatBytes, utf8 } from '../../base/bytes.ts';
import { systemCodeOf } from '../../base/errors.ts';
import { unlinkAt } from '../../base/posix/at-calls.ts';
import { bootId } from '../../base/process-identity.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { createFile, lookAt } from '../../target/filesystem/target-entry.ts';
import { targetError } from '../../target/filesystem/target-error.ts';

/** The name of the file that says that a restore of this snapshot into this directory has begun and not ended. */
export function markerName({ id }: Snapshot): Uint8Array {
  return Buffer.from(`.holdfast-restore-${id.slice(0, 16)}`);
}

/** What is in the target; undefined if it does not exist. @throws AppError `target/unwritable` */
export function namesInTarget(target: Uint8Array): Buffer[] | undefined {
  try {
    return readdirSync(Buffer.from(target), { encoding: 'buffer' });
  } catch (cause) {
    if (systemCodeOf(cause) === 'ENOENT') return undefined;
    throw targetError('look into', target, cause);
  }
}

/** Says that a restore has begun, and since when the machine has been running. @throws AppError `target/unwritable` */
export function placeMarker(root: number, name: Uint8Array): void {
  if (lookAt(root, name) !== undefined) return;
  const file = createFile(root, name);
  try {
    writeSync(file, utf8(`${bootId()}\n`));
  } catch (cause) {
    throw targetError('write', name, cause);
  } finally {
    closeSync(file);
  }
}

/**
 * Whether the machine has been running without a break since the restore began. Otherwise the power may have failed: then a file can have its right size
 * and time, and not the content that was still on its way to the disk. `false` where that cannot be known.
 */
export function isOfThisBoot(target: Uint8Array, name: Uint8Array): boolean {
  const path = Buffer.from(concatBytes(target, utf8('/'), name));
  const now = bootId();
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      return now !== '' && readFileSync(file, 'utf8').trim() === now;
    } finally {
      closeSync(file);
    }
  } catch {
    return false; // Everything is compared then, which is never wrong.
  }
}

/** Says that it has ended. @throws AppError `target/unwritable` */
export function removeMarker(root: number, name: Uint8Array): void {
  try {
    unlinkAt(root, name);
  } catch (cause) {
    if (systemCodeOf(cause) !== 'ENOENT') throw targetError('remove', name, cause);
  }
}
