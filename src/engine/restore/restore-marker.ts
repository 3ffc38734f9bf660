import { closeSync, readdirSync } from 'node:fs';

import { systemCodeOf } from '../../base/errors.ts';
import { unlinkAt } from '../../base/posix/at-calls.ts';
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

/** Says that a restore has begun. @throws AppError `target/unwritable` */
export function placeMarker(root: number, name: Uint8Array): void {
  if (lookAt(root, name) === undefined) closeSync(createFile(root, name));
}

/** Says that it has ended. @throws AppError `target/unwritable` */
export function removeMarker(root: number, name: Uint8Array): void {
  try {
    unlinkAt(root, name);
  } catch (cause) {
    if (systemCodeOf(cause) !== 'ENOENT') throw targetError('remove', name, cause);
  }
}
