import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { pattern, rejectsWith } from '#test/support/storage-samples.ts';

import { systemClock } from '../../../base/clock.ts';
import { FlowWindow } from './flow-window.ts';
import { openObject, type Reading } from './open-object.ts';
import type { SftpSession } from './session.ts';

const chunk = 1000;
const bytes = pattern(4500);

/** A file on a server that tells its size only when `tell` is called. */
function serverWith(): {
  readonly session: SftpSession;
  readonly asked: (readonly [offset: number, length: number])[];
  readonly tell: () => void;
} {
  const asked: (readonly [number, number])[] = [];
  const told = Promise.withResolvers<void>();
  const session = {
    chunk: { read: chunk, write: chunk },
    reading: new FlowWindow(systemClock),
    until: (work: Promise<unknown>) => work,
    open: async () => new Uint8Array(1),
    closeLater: () => undefined,
    async fstat() {
      await told.promise;
      return { size: bytes.length };
    },
    async read(_: Uint8Array, offset: number, length: number) {
      asked.push([offset, length]);
      const part = bytes.subarray(offset, offset + length);
      return part.length === 0 ? undefined : part;
    },
  };
  return { session: session as unknown as SftpSession, asked, tell: () => told.resolve() };
}

/** What was asked for before the size was known, and what came. */
async function read(
  how: Pick<Reading, 'range' | 'whole'>,
): Promise<{ readonly before: unknown; readonly got: Uint8Array }> {
  const { session, asked, tell } = serverWith();
  const opening = openObject(session, { name: 'a', file: '/a', ...how }, {});
  await systemClock.sleep(1);
  const before = [...asked];
  tell();
  const object = await opening;
  const parts: Uint8Array[] = [];
  for (let part = await object.next({}); part !== undefined; part = await object.next({}))
    parts.push(part);
  return { before, got: Buffer.concat(parts) };
}

describe('an object is asked for before its size is known', () => {
  const all = (from: number, to: number): Buffer => Buffer.from(bytes.subarray(from, to));

  test('a range that is read whole: all of it', async () => {
    const { before, got } = await read({ range: { offset: 500, length: 2500 }, whole: true });
    assert.deepEqual(before, [
      [500, 1000],
      [1500, 1000],
      [2500, 500],
    ]);
    assert.deepEqual(got, all(500, 3000));
  });

  test('a range that is read slowly: as much as is read ahead', async () => {
    const { before, got } = await read({ range: { offset: 0, length: 4000 }, whole: false });
    assert.deepEqual(before, [
      [0, 1000],
      [1000, 1000],
    ]);
    assert.deepEqual(got, all(0, 4000));
  });

  test('an object of unknown size: one piece', async () => {
    const { before, got } = await read({ whole: true });
    assert.deepEqual(before, [[0, 1000]]);
    assert.deepEqual(got, all(0, 4500));
  });

  test('nothing of a range from the end, or of one that makes no sense', async () => {
    const { before, got } = await read({ range: { offset: -300 }, whole: true });
    assert.deepEqual(before, []);
    assert.deepEqual(got, all(4200, 4500));
    await rejectsWith(read({ range: { offset: 0, length: -1 }, whole: true }), 'storage/bad-range');
  });

  test('a range that is longer than the object is no range of it', async () => {
    await rejectsWith(
      read({ range: { offset: 4000, length: 1000 }, whole: true }),
      'storage/bad-range',
    );
  });
});
