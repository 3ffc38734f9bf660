import assert from 'node:assert/strict';

import { type ErrorCode, hasCode } from '../../src/base/errors.ts';
import type { ByteSource, Storage } from '../../src/storage/storage.ts';

/** Bytes that differ from place to place and from seed to seed; the first one is the seed. */
export function pattern(length: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++)
    bytes[index] = seed + index * 31 + (index >>> 8) * 17;
  return bytes;
}

/** A body that gives these pieces, as often as it is asked. */
export function sourceOf(pieces: readonly Uint8Array[]): ByteSource {
  return {
    size: pieces.reduce((sum, piece) => sum + piece.byteLength, 0),
    stream: () => ReadableStream.from<Uint8Array>(pieces),
  };
}

/** The names of a listing, sorted. */
export async function namesIn(storage: Storage, prefix: string): Promise<readonly string[]> {
  return (await Array.fromAsync(storage.list(prefix), ({ name }) => name)).toSorted(byName);
}

/** Rejects with an `AppError` of this code. */
export async function rejectsWith(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(hasCode(error, code), `expected ${code}, got ${String(error)}`);
    return true;
  });
}

/** Rejects with this very reason, as after an abort. */
export async function rejectsWithReason(promise: Promise<unknown>, reason: Error): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.equal(error, reason);
    return true;
  });
}

/** Sorts like `<`. */
export function byName(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}
