import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';

import { codecs } from './pack-table.ts';
import type { PreparedSegment } from './pack-builder.ts';
import { SegmentsAside } from './segments-aside.ts';

function segment(raw: Uint8Array, contents = raw): PreparedSegment {
  const codec = contents === raw ? codecs.stored : codecs.zstd;
  return { raw, contents, codec, blobs: [] };
}

describe('segments aside', () => {
  test('copies wait, the oldest first, whatever becomes of the memory that they came from', () => {
    const aside = new SegmentsAside();
    const expected: PreparedSegment[] = [];
    for (let round = 0; round < 10; round++) {
      const raw = randomBytes(100_000 + round);
      const given = segment(raw, round % 2 === 0 ? raw : randomBytes(50_000));
      const copy = segment(Buffer.from(raw), Buffer.from(given.contents));
      if (aside.isFull) assert.deepEqual(bytesOf(aside.takeOldest()!), bytesOf(expected.shift()!));
      aside.add(given);
      expected.push(copy);
      given.raw.fill(0);
      given.contents.fill(0);
      assert.deepEqual(aside.segments.map(bytesOf), expected.map(bytesOf));
    }
    assert.equal(expected.length, 3);
    const all = aside.takeAll();
    assert.deepEqual(all.map(bytesOf), expected.map(bytesOf));
    assert.deepEqual(aside.segments, []);
    assert.equal(aside.takeOldest(), undefined);
  });

  test('what is not compressed is the same bytes twice, and needs room once', () => {
    const aside = new SegmentsAside();
    const raw = new Uint8Array(2 * 1024 * 1024);
    assert.ok(aside.fits(segment(raw)));
    assert.ok(!aside.fits(segment(raw, new Uint8Array(1024 * 1024))));
    aside.add(segment(raw));
    const [held] = aside.segments;
    assert.equal(held!.contents, held!.raw);
  });
});

function bytesOf({ raw, contents }: PreparedSegment): [Buffer, Buffer] {
  return [Buffer.from(raw), Buffer.from(contents)];
}
