import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import fc from 'fast-check';

import { runWithFileSizeLimit } from '#test/support/limited-file-size.ts';
import { noDirectWrites } from '#test/support/open-flags.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { pattern } from '#test/support/storage-samples.ts';

import { libc } from '../../base/posix/libc.ts';
import { NewContentWriter } from './new-content-writer.ts';

const skip = noDirectWrites();
const kibibyte = 1024;
const piece = 512 * kibibyte;

/** A clock that is read twice for every direct write, and makes it last so many milliseconds. */
class StepClock {
  milliseconds = 0;
  reads = 0;
  #time = 0;

  monotonic(): number {
    if (this.reads++ % 2 === 1) this.#time += this.milliseconds;
    return this.#time;
  }

  get directWrites(): number {
    return this.reads / 2;
  }
}

test('a file has exactly what was written, wherever pieces begin and end, in any order', () => {
  using scratch = scratchDirectory();
  const lengths = fc.oneof(
    fc.constantFrom(1, 4096, 256 * kibibyte, 1024 * kibibyte, 1025 * kibibyte),
    fc.integer({ min: 200 * kibibyte, max: 1500 * kibibyte }),
  );
  fc.assert(
    fc.property(fc.array(lengths, { maxLength: 5 }), fc.nat(9000), (list, start) => {
      const writer = new NewContentWriter();
      const pieces: { readonly position: number; readonly bytes: Uint8Array }[] = [];
      let end = start;
      for (const length of list) {
        pieces.push({ position: end, bytes: pattern(length, end) });
        end += length;
      }
      const expected = Buffer.alloc(end);
      const fd = openSync(scratch.of('file'), 'w+');
      for (const { position, bytes } of pieces.toReversed()) {
        writer.write(fd, bytes, position);
        expected.set(bytes, position);
      }
      closeSync(fd);
      const found = readFileSync(scratch.of('file'));
      assert.ok(found.equals(list.length === 0 ? Buffer.alloc(0) : expected));
    }),
    { numRuns: 40 },
  );
});

test(
  'a disk that keeps up is written directly, a slow one is spared but for a look now and then',
  { skip },
  () => {
    using scratch = scratchDirectory();
    const fd = openSync(scratch.of('file'), 'w+');
    const clock = new StepClock();
    const writer = new NewContentWriter(clock);
    const write = (count: number): number => {
      const before = clock.directWrites;
      for (let left = count; left > 0; left--) writer.write(fd, new Uint8Array(piece), 0);
      return clock.directWrites - before;
    };
    clock.milliseconds = 1;
    assert.equal(write(100), 100);
    clock.milliseconds = 10;
    // One slow write is not all there is to know.
    assert.equal(write(5), 2);
    assert.equal(write(640), 10);
    clock.milliseconds = 1;
    // Found to be quick again.
    assert.ok(write(6400) > 3000);
    closeSync(fd);
  },
);

test('what a direct write does not take goes another way, and is not tried again', { skip }, () => {
  using scratch = scratchDirectory();
  const fd = openSync(scratch.of('file'), 'w+');
  const system = libc();
  const { addressOf } = system;
  const clock = new StepClock();
  const writer = new NewContentWriter(clock);
  try {
    // Memory that begins where no direct write can.
    system.addressOf = (bytes) => addressOf(bytes) + 1n;
    for (const position of [0, piece]) writer.write(fd, pattern(piece, position), position);
  } finally {
    system.addressOf = addressOf;
  }
  closeSync(fd);
  assert.equal(clock.directWrites, 1);
  const expected = Buffer.concat([pattern(piece, 0), pattern(piece, piece)]);
  assert.ok(readFileSync(scratch.of('file')).equals(expected));
});

test('short pieces are not measured', () => {
  using scratch = scratchDirectory();
  const fd = openSync(scratch.of('file'), 'w+');
  const clock = new StepClock();
  new NewContentWriter(clock).write(fd, pattern(100), 5);
  assert.equal(clock.reads, 0);
  closeSync(fd);
});

test('a limit that cuts a direct write short is told as one', async () => {
  using scratch = scratchDirectory();
  const output = await runWithFileSizeLimit(
    1024 * kibibyte,
    `import { openSync, statSync } from 'node:fs';
     import { NewContentWriter } from ${JSON.stringify(import.meta.resolve('./new-content-writer.ts'))};
     const fd = openSync(${JSON.stringify(scratch.of('file'))}, 'w+');
     try {
       new NewContentWriter().write(fd, new Uint8Array(${3 * piece}), 0);
     } catch (error) {
       console.log(error.code, statSync(${JSON.stringify(scratch.of('file'))}).size);
     }`,
  );
  assert.equal(output.trim(), `EFBIG ${1024 * kibibyte}`);
});
