import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { crc32, inflateRawSync } from 'node:zlib';

import { deflateLibrary } from '../../base/deflate-library.ts';
import { hasCode } from '../../base/errors.ts';
import { DeflateThreads } from './deflate-threads.ts';
import type { ToDeflateWorker } from './deflate-messages.ts';
import { roomForBlock } from './library-block.ts';

// Under CI it is installed, and whatever is left out fails.
const skip =
  deflateLibrary() === undefined && process.env['CI'] !== 'true' && 'libdeflate is not installed';

function blockOf(plain: Uint8Array, level: number): ToDeflateWorker {
  const length = plain.length + roomForBlock(plain.length);
  const memory = new SharedArrayBuffer(length);
  new Uint8Array(memory).set(plain);
  return { memory, start: 0, end: plain.length, sum: 0, resultAt: plain.length, level };
}

describe('threads that compress', { skip }, () => {
  test('give each block its own result', async () => {
    const threads = new DeflateThreads(3);
    const texts = Array.from({ length: 20 }, (_, i) => Buffer.from(`${i}, `.repeat(1000 * i + 1)));
    await Promise.all(
      texts.map(async (plain) => {
        const block = blockOf(plain, 6);
        const { length, sum } = await threads.compress(block);
        assert.equal(sum, crc32(plain));
        const made = Buffer.from(block.memory, block.resultAt, length);
        assert.ok(inflateRawSync(Buffer.concat([made, Uint8Array.of(3, 0)])).equals(plain));
      }),
    );
  });

  test('when one fails, all that wait hear of it, and whoever comes later', async () => {
    const threads = new DeflateThreads(1);
    const isInternal = (error: unknown): boolean => hasCode(error, 'internal');
    const bad = threads.compress(blockOf(Buffer.from('level 99 '.repeat(100)), 99));
    const good = threads.compress(blockOf(Buffer.from('a text'), 6));
    await assert.rejects(bad, isInternal);
    await assert.rejects(good, isInternal);
    await assert.rejects(threads.compress(blockOf(Buffer.from('a text'), 6)), isInternal);
  });

  test('do not keep the program from ending, but are waited for, whether they got blocks or not', () => {
    // The first eight mebibytes are no work for threads; then there is one block for the first of them, or many for all.
    for (const length of [8_500_000, 20_000_000]) {
      const script = `
        import { inflateRawSync } from 'node:zlib';
        import { ParallelDeflate } from '${import.meta.dirname}/parallel-deflate.ts';
        const made = [];
        const encoder = new ParallelDeflate((bytes) => void made.push(Buffer.from(bytes)));
        const plain = Buffer.alloc(${length});
        for (let at = 0; at < plain.length; at += 1000) plain.writeUInt16LE(at % 65_521, at);
        await encoder.write(plain);
        await encoder.finish();
        console.log(inflateRawSync(Buffer.concat(made)).equals(plain));`;
      const run = spawnSync(process.execPath, ['--eval', script], { timeout: 60_000 });
      assert.equal(run.status, 0, `${length} bytes: ${run.stderr.toString()}`);
      assert.equal(run.stdout.toString(), 'true\n');
    }
  });
});
