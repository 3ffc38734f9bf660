import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { openHandles, scratchDirectory } from '#test/support/scratch-directory.ts';
import { concatBytes } from '../../../base/bytes.ts';
import { hasCode } from '../../../base/errors.ts';
import { type TemporaryArea, TemporaryStore } from './temporary-store.ts';

/** Bytes that tell where they are. */
function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 7 + (at >> 8) * 13 + seed) & 0xff;
  return bytes;
}

describe('the temporary store', () => {
  it('gives back what was appended, wherever it lies', async () => {
    const pieces = fc.array(
      fc.oneof(fc.nat(300), fc.nat(300_000), fc.constantFrom(131_072, 1_048_576)),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(pieces, { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(fc.nat(3_000_000), fc.nat(400_000)), { maxLength: 6 }),
        async (plans, reads) => {
          using scratch = scratchDirectory();
          using store = new TemporaryStore(scratch.path);
          const areas = plans.map(() => store.area());
          const expected = plans.map((): Uint8Array[] => []);
          // By turns, so that the areas lie between each other.
          for (let turn = 0; turn < 12; turn++) {
            for (const [at, plan] of plans.entries()) {
              const length = plan[turn];
              if (length === undefined) continue;
              const bytes = pattern(length, at * 50 + turn);
              expected[at]?.push(bytes.slice());
              areas[at]?.append(bytes);
              bytes.fill(0);
            }
          }
          assert.deepEqual(readdirSync(scratch.path), []);
          for (const [at, area] of areas.entries()) {
            const whole = concatBytes(...(expected[at] ?? []));
            assert.equal(area.length, whole.length);
            const streamed = concatBytes(...(await Array.fromAsync(area.stream(70_000))));
            assert.ok(Buffer.compare(streamed, whole) === 0);
            for (const [offset, length] of reads) {
              const part = area.read(offset, length);
              assert.ok(Buffer.compare(part, whole.subarray(offset, offset + length)) === 0);
            }
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it('uses what was given back again', () => {
    using scratch = scratchDirectory();
    const handles = openHandles();
    using store = new TemporaryStore(scratch.path);
    const kept = store.area();
    kept.append(pattern(3_000_000, 1));
    let last: TemporaryArea | undefined;
    for (let round = 0; round < 20; round++) {
      last?.[Symbol.dispose]();
      last = store.area();
      last.append(pattern(3_000_000, round));
    }
    assert.equal(Buffer.compare(kept.read(0, 3_000_000), pattern(3_000_000, 1)), 0);
    assert.equal(
      Buffer.compare(last?.read(0, 3_000_000) ?? new Uint8Array(), pattern(3_000_000, 19)),
      0,
    );
    assert.equal(openHandles(), handles + 1);
    store[Symbol.dispose]();
    assert.equal(openHandles(), handles);
  });

  it('says where there is no room', () => {
    using store = new TemporaryStore('/proc/nowhere');
    const area = store.area();
    area.append(pattern(100_000, 1));
    assert.throws(
      () => area.append(pattern(100_000, 1)),
      (error) => hasCode(error, 'local/unwritable'),
    );
  });
});
