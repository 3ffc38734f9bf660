import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';

import fc from 'fast-check';

import { gunzip } from './gunzip.ts';
import { gzipEncoder } from './gzip.ts';
import type { GzipParameters } from './gzip.ts';

async function gzipOf(
  pieces: readonly Uint8Array[],
  parameters: GzipParameters = {},
): Promise<Buffer> {
  const out: Uint8Array[] = [];
  await using encoder = gzipEncoder((bytes) => void out.push(bytes), parameters);
  for (const piece of pieces) await encoder.write(piece);
  const bound = encoder.sizeBound;
  await encoder.finish();
  const file = Buffer.concat(out);
  assert.ok(file.length <= bound, `${file.length} > ${bound}`);
  return file;
}

async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function contentOf(file: Uint8Array, pieceLength = 65_536): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of gunzip(inPieces(file, pieceLength))) pieces.push(piece);
  return Buffer.concat(pieces);
}

const damaged = { name: 'AppError', code: 'repository/damaged' };
const words = Buffer.from(
  Array.from({ length: 200_000 }, (_, i) => `${(i * 7919) % 1013} `).join(''),
);

describe('gzip', () => {
  test('comes back, whatever the pieces', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 5000 }),
        fc.constantFrom(100, 1000, 131_072),
        async (pieces, pieceLength, blockLength) => {
          const file = await gzipOf(pieces, { blockLength });
          assert.ok((await contentOf(file, pieceLength)).equals(Buffer.concat(pieces)));
        },
      ),
      { numRuns: 50 },
    );
  });

  test('has the header that duplicity writes', async () => {
    const file = await gzipOf([words], { time: 1_700_000_000 });
    assert.equal(file.subarray(0, 10).toString('hex'), '1f8b080000f1536500ff');
  });

  test('nothing is a file of its own', async () => {
    const file = await gzipOf([]);
    assert.equal(file.length, 20);
    assert.equal((await contentOf(file)).length, 0);
    assert.equal(gunzipSync(file).length, 0);
  });

  test('the bound counts what gzip adds, before anything is written too', async () => {
    await using encoder = gzipEncoder(() => undefined);
    assert.equal(encoder.sizeBound, 20);
    await encoder.finish();
    assert.equal(encoder.sizeBound, 20);
  });

  test('other programs read it', async () => {
    const content = Buffer.concat([words, Buffer.alloc(300_000), words]);
    const file = await gzipOf([content, Buffer.from('end')], { time: 1_700_000_000 });
    const expected = Buffer.concat([content, Buffer.from('end')]);
    const read = (program: string, ...words_: string[]): Buffer => {
      const run = spawnSync(program, words_, { input: file, maxBuffer: 1 << 26 });
      assert.equal(run.status, 0, run.stderr.toString());
      return run.stdout;
    };
    read('gzip', '-t');
    assert.ok(read('zcat').equals(expected));
    const script =
      'import gzip,sys; sys.stdout.buffer.write(gzip.GzipFile(fileobj=sys.stdin.buffer).read())';
    assert.ok(read('python3', '-c', script).equals(expected));
  });
});

describe('gunzip', () => {
  const file = gzipSync(words);

  test('members follow each other, at any border of the pieces', async () => {
    const parts = [file, gzipSync(''), gzipSync('x'), file];
    const whole = Buffer.concat(parts);
    for (const length of [whole.length, file.length, file.length + 3, 4096, 997]) {
      assert.ok(
        (await contentOf(whole, length)).equals(Buffer.concat([words, Buffer.from('x'), words])),
      );
    }
  });

  test('zeros at the end are padding, anything else is damage', async () => {
    for (const length of [file.length, 1000, 1_000_000]) {
      assert.ok((await contentOf(Buffer.concat([file, Buffer.alloc(5000)]), length)).equals(words));
      for (const tail of ['garbage', '\x1f', '\x1f\x8b', '\0\0garbage']) {
        const more = Buffer.concat([file, Buffer.from(tail, 'latin1')]);
        await assert.rejects(contentOf(more, length), damaged, JSON.stringify(tail));
      }
      const late = Buffer.concat([file, Buffer.alloc(5000), Buffer.of(1)]);
      await assert.rejects(contentOf(late, length), damaged);
    }
  });

  test('a file that is cut anywhere is damaged', async () => {
    const short = gzipSync('a few words, a few words more');
    for (let length = 0; length < short.length; length += 1) {
      await assert.rejects(contentOf(short.subarray(0, length)), damaged, `${length}`);
      await assert.rejects(contentOf(short.subarray(0, length), 1), damaged, `${length}`);
    }
    await assert.rejects(contentOf(file.subarray(0, -1)), damaged);
  });

  test('sum, length and header are checked', async () => {
    const short = gzipSync('a few words, a few words more');
    for (const at of [0, 1, 2, 12, short.length - 8, short.length - 1]) {
      const wrong = Buffer.from(short);
      wrong[at] = wrong[at]! ^ 0x81;
      await assert.rejects(contentOf(wrong), damaged, `${at}`);
    }
  });

  test('a header with all its fields', async () => {
    const [plainHeader, rest] = [file.subarray(0, 10), file.subarray(10)];
    const header = Buffer.from(plainHeader);
    header[3] = 0x1c;
    const fields = Buffer.from('\x03\x00abcname\0comment\0', 'latin1');
    assert.ok((await contentOf(Buffer.concat([header, fields, rest]), 3)).equals(words));
  });

  test('what the input throws is passed on, and the input is closed', async () => {
    const failure = new Error('The disk is gone');
    const events: string[] = [];
    async function* failing(): AsyncGenerator<Uint8Array> {
      try {
        yield file.subarray(0, 1000);
        throw failure;
      } finally {
        events.push('closed');
      }
    }
    await assert.rejects(async () => {
      for await (const piece of gunzip(failing())) assert.ok(piece.length > 0);
    }, failure);
    assert.deepEqual(events, ['closed']);
  });

  test('left early, it ends and closes the input', async () => {
    // Far more than the stream takes in before it is read.
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    let isClosed = false;
    async function* input(): AsyncGenerator<Uint8Array> {
      try {
        yield* inPieces(bomb, 10_000);
      } finally {
        isClosed = true;
      }
    }
    for await (const piece of gunzip(input())) {
      assert.ok(piece.length > 0);
      break;
    }
    assert.ok(isClosed);
  });
});
