import { closeSync, constants, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';

import { concatBytes, equalBytes, toHex, utf8 } from '../../base/bytes.ts';
import { systemCodeOf } from '../../base/errors.ts';
import { unlinkAt } from '../../base/posix/at-calls.ts';
import { bootId } from '../../base/process-identity.ts';
import { sha256 } from '../../codec/encryption/key-derivation.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import type { ExistingPolicy } from '../../target/filesystem/existing-policy.ts';
import { createFile, lookAt } from '../../target/filesystem/target-entry.ts';
import { targetError } from '../../target/filesystem/target-error.ts';

/**
 * The name of the file that says that a restore of this part of a snapshot into this directory has begun and not ended. Another part is another restore, since
 * it lands directly in the target as well.
 */
export function markerName({ id }: Pick<Snapshot, 'id'>, path: Uint8Array): Uint8Array {
  const part = path.length === 0 ? '' : `-${toHex(sha256(path)).slice(0, 8)}`;
  return Buffer.from(`.holdfast-restore-${id.slice(0, 16)}${part}`);
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

const lostAndFound = Buffer.from('lost+found');

/** What a restore finds where it is to write. */
export interface FoundTarget {
  /** What is to be done with what is there. */
  readonly policy: ExistingPolicy;
  /** Nothing at all is there, so that nothing has to be looked at. */
  readonly isFresh: boolean;
  /** What is there, but for the marker and what a new file system has. With nothing of it, all that is there later is what this restore has written. */
  readonly others: readonly Buffer[];
  /** A restore of the same was interrupted. */
  readonly isContinued: boolean;
  /** What that one has written cannot be told by size and time. */
  readonly compares: boolean;
}

/** `names`: what is in the target. `marker`: if there is to be one. `wanted`: what is to be done with what is there. */
export function findTarget(
  target: Uint8Array,
  names: readonly Buffer[],
  marker: Uint8Array | undefined,
  wanted: ExistingPolicy,
): FoundTarget {
  const isMarker = (name: Buffer): boolean => marker !== undefined && equalBytes(name, marker);
  const isContinued = names.some(isMarker);
  const begun = isContinued ? marker : undefined;
  const compares = begun !== undefined && wanted === 'if-changed' && !isOfThisBoot(target, begun);
  return {
    policy: compares ? 'always' : wanted,
    isFresh: names.length === 0,
    others: names.filter((name) => !isMarker(name) && !name.equals(lostAndFound)),
    isContinued,
    compares,
  };
}

/** What is told of a restore that goes on; undefined for one that begins. */
export function continuation({ isContinued, compares }: FoundTarget): string | undefined {
  if (!isContinued) return undefined;
  const message = 'Continuing a restore that was interrupted';
  return compares
    ? `${message}, and comparing what it has written: the machine was started anew since`
    : message;
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
