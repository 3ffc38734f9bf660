import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import fc from 'fast-check';

import { scratchDirectory } from '../../../test/support/scratch-directory.ts';
import { dataExtents } from '../../base/posix/file-extents.ts';
import { clearRange, setSize, writeAt, writeIfDifferent } from './file-content.ts';

const scratchBytes = new Uint8Array(1 << 16);

test('writeIfDifferent() leaves the file with exactly the bytes, whatever was there', () => {
  using scratch = scratchDirectory();
  const cases = fc.record({
    before: fc.array(fc.constantFrom(0, 1, 2), { maxLength: 8 }),
    after: fc.array(fc.constantFrom(0, 1, 2), { maxLength: 8 }),
    position: fc.nat(9000),
    tail: fc.nat(4096),
  });
  fc.assert(
    fc.property(cases, ({ before, after, position, tail }) => {
      const blocks = (values: readonly number[]): Buffer =>
        Buffer.concat([...values.map((value) => Buffer.alloc(4096, value)), Buffer.alloc(tail, 3)]);
      const old = blocks(before);
      const wanted = blocks(after);
      writeFileSync(scratch.of('file'), old);
      const fd = openSync(scratch.of('file'), 'r+');
      const written = writeIfDifferent(fd, wanted, position, scratchBytes);
      closeSync(fd);
      const expected = Buffer.alloc(Math.max(old.length, position + wanted.length));
      old.copy(expected);
      wanted.copy(expected, position);
      const found = readFileSync(scratch.of('file'));
      assert.ok(found.equals(expected.subarray(0, found.length)));
      assert.ok(wanted.length === 0 || found.length === expected.length);
      assert.ok(written <= wanted.length);
    }),
    { numRuns: 200 },
  );
});

test('only the blocks that differ are written', () => {
  using scratch = scratchDirectory();
  const old = Buffer.alloc(10 * 4096, 1);
  writeFileSync(scratch.of('file'), old);
  const fd = openSync(scratch.of('file'), 'r+');
  assert.equal(writeIfDifferent(fd, old, 0, scratchBytes), 0);
  const changed = Buffer.from(old);
  changed[3 * 4096] = 2;
  changed[5 * 4096 - 1] = 2;
  changed[8 * 4096 + 7] = 2;
  assert.equal(writeIfDifferent(fd, changed, 0, scratchBytes), 3 * 4096);
  // Blocks are those of the file, also for a piece that begins in the middle of one.
  changed[4096] = 9;
  changed[8191] = 9;
  assert.equal(writeIfDifferent(fd, changed.subarray(100), 100, scratchBytes), 4096);
  closeSync(fd);
  assert.ok(readFileSync(scratch.of('file')).equals(changed));
});

test('a cleared range reads as zeros and, where possible, is a hole', () => {
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('file'), Buffer.alloc(40_000, 1));
  const fd = openSync(scratch.of('file'), 'r+');
  clearRange(fd, 4096, 20_000, 40_000, scratchBytes);
  clearRange(fd, 39_000, 500_000, 40_000, scratchBytes);
  clearRange(fd, 50_000, 10, 40_000, scratchBytes);
  const expected = Buffer.alloc(40_000, 1).fill(0, 4096, 24_096).fill(0, 39_000);
  assert.ok(readFileSync(scratch.of('file')).equals(expected));
  assert.equal(fstatSync(fd).size, 40_000);
  assert.equal([...dataExtents(fd, 40_000)].length, 2);
  closeSync(fd);
});

test('a new file of 1 TiB takes no room', () => {
  using scratch = scratchDirectory();
  const fd = openSync(scratch.of('file'), 'w+');
  setSize(fd, 2 ** 40);
  writeAt(fd, Buffer.from('end'), 2 ** 40 - 3);
  assert.equal(fstatSync(fd).size, 2 ** 40);
  assert.ok(fstatSync(fd).blocks < 100);
  closeSync(fd);
});
