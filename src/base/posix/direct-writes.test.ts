import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { test } from 'node:test';

import { noDirectWrites, opensDirectly } from '#test/support/open-flags.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';

import {
  beginDirectWrites,
  directMemory,
  directUnit,
  endDirectWrites,
  isDirectMemory,
} from './direct-writes.ts';

const skip = noDirectWrites();

test('memory for direct writes begins where one can begin, whatever makes it', () => {
  for (const size of [1, 5000, 3_000_000, 20_000_000]) {
    const own = directMemory(size, (length) => new ArrayBuffer(length));
    const shared = directMemory(size, (length) => new SharedArrayBuffer(length));
    for (const memory of [own, shared]) {
      assert.equal(memory.length, size);
      assert.ok(isDirectMemory(memory));
      assert.equal(isDirectMemory(memory.subarray(1)), false);
    }
  }
});

test(
  'an open file is written directly from begin to end, and as before afterwards',
  { skip },
  () => {
    using scratch = scratchDirectory();
    const fd = openSync(scratch.of('file'), 'w');
    const memory = directMemory(2 * directUnit, (size) => new ArrayBuffer(size)).fill(7);
    assert.equal(beginDirectWrites(fd), true);
    assert.equal(opensDirectly(fd), true);
    assert.equal(writeSync(fd, memory), 2 * directUnit);
    endDirectWrites(fd);
    assert.equal(opensDirectly(fd), false);
    assert.equal(writeSync(fd, Buffer.from('end')), 3);
    closeSync(fd);
    assert.ok(readFileSync(scratch.of('file')).equals(Buffer.concat([memory, Buffer.from('end')])));
  },
);

test('what cannot be written directly says so', () => {
  const fd = openSync('/proc/self/comm', 'w');
  assert.equal(beginDirectWrites(fd), false);
  closeSync(fd);
});
