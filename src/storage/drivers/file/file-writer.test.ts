import assert from 'node:assert/strict';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { noDirectWrites, opensDirectly } from '#test/support/open-flags.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { pattern } from '#test/support/storage-samples.ts';
import { systemError } from '#test/support/steered-file-system.ts';

import { directMemory } from '../../../base/posix/direct-writes.ts';
import { FileWriter } from './file-writer.ts';

const skip = noDirectWrites();
const mebibyte = 1024 ** 2;

type Write = (bytes: Uint8Array, offset: number, length: number) => Promise<unknown>;

/** A handle whose writes a test watches: `before` may throw, or say how much is written at most. */
function watched(handle: FileHandle, before: (length: number) => number | void): FileHandle {
  return new Proxy(handle, {
    get(target, key: keyof FileHandle) {
      if (key !== 'write') return target[key];
      const write: Write = async (bytes, offset, length) => {
        const most = before(length);
        return target.write(bytes, offset, Math.min(length, most ?? length));
      };
      return write;
    },
  });
}

/** Writes pieces to a new file; gives what it holds then, and for each write whether it went past the page cache. */
async function writtenBy(
  pieces: readonly Uint8Array[],
  before: (length: number, count: number) => number | void = () => undefined,
): Promise<{ readonly content: Buffer; readonly direct: readonly boolean[] }> {
  using scratch = scratchDirectory();
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const direct: boolean[] = [];
  await using handle = await open(scratch.of('file'), 'wx');
  const steered = watched(handle, (length) => {
    direct.push(opensDirectly(handle.fd));
    return before(length, direct.length);
  });
  const writer = new FileWriter(steered, size);
  for (const piece of pieces) await writer.add(piece);
  await writer.end();
  return { content: await readFile(scratch.of('file')), direct };
}

function aligned(length: number): Uint8Array {
  const memory = directMemory(length, (size) => new SharedArrayBuffer(size));
  memory.set(pattern(length));
  return memory;
}

describe('FileWriter', () => {
  test('writes exactly what it is given, in pieces of any length, from anywhere in memory', async () => {
    const lengths = fc.oneof(
      fc.constantFrom(0, 1, 4095, 4096, 4097, 262_143, 262_144, 262_145),
      fc.nat(600_000),
    );
    const pieces = fc.array(fc.record({ length: lengths, shift: fc.constantFrom(0, 1, 4096) }), {
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(pieces, fc.boolean(), async (list, isLarge) => {
        const parts = list.map(({ length, shift }) => aligned(length + shift).subarray(shift));
        if (isLarge) parts.push(aligned(mebibyte));
        const { content } = await writtenBy(parts);
        assert.ok(content.equals(Buffer.concat(parts)));
      }),
      { numRuns: 40 },
    );
  });

  test(
    'writes a pack from where it lies in one go past the page cache, and its odd end through it',
    { skip },
    async () => {
      const { direct } = await writtenBy([aligned(3 * mebibyte + 5)]);
      assert.deepEqual(direct, [true, false]);
    },
  );

  test('writes what lies anywhere past the page cache as well', { skip }, async () => {
    const { direct } = await writtenBy([aligned(2 * mebibyte + 1).subarray(1)]);
    assert.deepEqual(new Set(direct), new Set([true]));
  });

  test('writes a small object through the page cache', async () => {
    const { direct } = await writtenBy([aligned(mebibyte - 1)]);
    assert.deepEqual(direct, [false]);
  });

  test('goes on through the page cache where the file system refuses', { skip }, async () => {
    const bytes = aligned(2 * mebibyte);
    const { content, direct } = await writtenBy([bytes], (_, count) => {
      if (count === 1) throw systemError('EINVAL', 'write');
    });
    assert.ok(content.equals(bytes));
    assert.deepEqual(direct, [true, false]);
  });

  test('goes on where a write is cut short in the middle of a sector', async () => {
    for (const shift of [0, 1]) {
      const bytes = aligned(2 * mebibyte + shift).subarray(shift);
      // As a file system would that falls back to its cache for a part.
      const { content } = await writtenBy([bytes], (_, count) => (count === 2 ? 4096 : undefined));
      assert.ok(content.equals(bytes));
    }
  });

  test('tells any other failure', async () => {
    const failing = writtenBy([aligned(2 * mebibyte)], () => {
      throw systemError('EIO', 'write');
    });
    await assert.rejects(failing, { code: 'EIO' });
    await assert.rejects(
      writtenBy([aligned(2 * mebibyte)], () => 0),
      { code: 'storage/unavailable' },
    );
  });
});
