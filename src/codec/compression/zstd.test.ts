import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';

import { concatBytes } from '../../base/bytes.ts';
import { zstdLibrary } from '../../base/zstd-library.ts';
import { LibraryZstd, NodeZstd, type Zstd } from './zstd.ts';

const library = zstdLibrary();
assert.ok(library !== undefined, 'The Node of this project shows its zstd');
const kinds: readonly (readonly [string, Zstd])[] = [
  ['the library', new LibraryZstd(library)],
  ['node:zlib', new NodeZstd()],
];

const samples: readonly (readonly [string, Uint8Array])[] = [
  ['nothing', new Uint8Array(0)],
  ['one byte', Uint8Array.of(7)],
  ['a text', Buffer.from('The quick brown fox jumps over the lazy dog. '.repeat(3000))],
  ['4 MiB of zeros', new Uint8Array(4 * 1024 * 1024)],
  ['1 MiB that does not shrink', randomBytes(1024 * 1024)],
  ['a part of a buffer', Buffer.from('padding|content, content|padding').subarray(8, 24)],
];

for (const [name, zstd] of kinds) {
  describe(`zstd by ${name}`, () => {
    for (const [what, raw] of samples) {
      for (const level of [1, 2, 15]) {
        test(`${what} at level ${level} opens in both`, () => {
          const frame = Uint8Array.from(zstd.compress(raw, level));
          for (const [, opener] of kinds) {
            const out = new Uint8Array(raw.length).fill(1);
            opener.decompressInto(out, frame);
            assert.ok(Buffer.compare(out, raw) === 0);
          }
        });
      }
    }

    test('a frame of another length, cut off, changed or followed by something is refused', () => {
      const raw = randomBytes(100_000).fill('even', 0, 50_000);
      const frame = Uint8Array.from(zstd.compress(raw, 2));
      const refused = (length: number, bytes: Uint8Array): void =>
        assert.throws(() => zstd.decompressInto(new Uint8Array(length), bytes));
      refused(raw.length - 1, frame);
      refused(raw.length + 1, frame);
      refused(raw.length, frame.subarray(0, -1));
      refused(raw.length, new Uint8Array(0));
      refused(raw.length, randomBytes(1000));
      refused(raw.length, concatBytes(frame, Uint8Array.of(1, 2, 3)));
      // Frames of which nothing comes: an empty one, and one that is to be skipped (RFC 8878, 3.1.2).
      refused(raw.length, concatBytes(frame, zstd.compress(new Uint8Array(0), 2)));
      const skipped = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7);
      refused(raw.length, concatBytes(frame, skipped));
      // It goes on to work.
      const out = new Uint8Array(raw.length);
      zstd.decompressInto(out, frame);
      assert.ok(raw.equals(out));
    });
  });
}

test('both make the same bytes', () => {
  for (const [, raw] of samples) {
    const [ours, theirs] = kinds.map(([, zstd]) => Uint8Array.from(zstd.compress(raw, 2)));
    assert.deepEqual(ours, theirs);
  }
});
