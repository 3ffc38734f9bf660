import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { suite, test } from 'node:test';

import { fill } from './fill.ts';

const pieces = (...lengths: number[]): Buffer[] =>
  lengths.map((length, index) => Buffer.allocUnsafeSlow(length).fill(index + 1));

void suite('filling an array from a connection', { timeout: 60_000 }, () => {
  void test('puts every piece to its place', async () => {
    const given = pieces(70_000, 1, 100_000);
    const wanted = Buffer.concat(given);
    const { bytes, seen } = await fill(Readable.from(given, { objectMode: false }), wanted.length);
    assert.equal(seen, wanted.length);
    assert.deepEqual(Buffer.from(bytes), wanted);
  });

  void test('leaves pieces alone behind which something else lies in their buffer', async () => {
    const [buffer] = pieces(100_000);
    const parts = [[0, 40_000], [40_000, 70_000], [70_000]].map((place) =>
      buffer!.subarray(...place),
    );
    const wanted = Buffer.from(buffer!);
    const { bytes } = await fill(Readable.from(parts, { objectMode: false }), wanted.length);
    assert.deepEqual(Buffer.from(bytes), wanted);
  });

  void test('tells how much came when it was too little, and ends what is too much', async () => {
    assert.equal((await fill(Readable.from(pieces(10), { objectMode: false }), 11)).seen, 10);
    let given = 0;
    const tooMuch = new Readable({
      read() {
        this.push(given++ < 100 ? Buffer.alloc(1000) : null);
      },
    });
    const { seen } = await fill(tooMuch, 5000);
    assert.ok(seen > 5000 && seen < 50_000, `${seen} bytes`);
  });

  void test('fails with what the connection fails with', async () => {
    const failure = new Error('cut');
    const broken = new Readable({
      read() {
        this.destroy(failure);
      },
    });
    await assert.rejects(fill(broken, 10), failure);
  });
});
