import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { formatCount, formatRate, formatSize, parsePortion, parseSize } from './size.ts';

describe('size', () => {
  test('parseSize() reads units in steps of 1024', () => {
    assert.equal(parseSize('500'), 500);
    assert.equal(parseSize('0'), 0);
    assert.equal(parseSize('10k'), 10_240);
    assert.equal(parseSize('1.5GiB'), 1.5 * 1024 ** 3);
    assert.equal(parseSize('500M'), 500 * 1024 ** 2);
    assert.equal(parseSize('50mb'), 50 * 1024 ** 2);
    assert.equal(parseSize('7 B'), 7);
  });

  test('parseSize() refuses what is not a size', () => {
    for (const text of ['', 'x', '-1', '1 parsec', '1e3', '1MM', '9999999E', '.5']) {
      assert.throws(() => parseSize(text), { code: 'input/invalid' }, text);
    }
  });

  test('formatSize() prints at most four digits before the point', () => {
    assert.equal(formatSize(0), '0 B');
    assert.equal(formatSize(1023), '1023 B');
    assert.equal(formatSize(1024), '1.0 KiB');
    assert.equal(formatSize(1024 * 1024 - 1), '1.0 MiB');
    assert.equal(formatSize(1.5 * 1024 ** 3), '1.5 GiB');
    assert.equal(formatRate(2048), '2.0 KiB/s');
    assert.equal(formatCount(1_234_567), '1,234,567');
    assert.equal(formatCount(123), '123');
  });

  test('what formatSize() prints reads back within its rounding', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 50 }), (bytes) => {
        const back = parseSize(formatSize(bytes));
        assert.ok(Math.abs(back - bytes) <= Math.max(1, bytes * 0.051));
      }),
    );
  });

  test('parsePortion() reads a percentage, a part and a size', () => {
    assert.deepEqual(parsePortion('10%'), { kind: 'percent', percent: 10 });
    assert.deepEqual(parsePortion('1/7'), { kind: 'part', part: 1, of: 7 });
    assert.deepEqual(parsePortion('500M'), { kind: 'bytes', bytes: 500 * 1024 ** 2 });
    for (const text of ['0%', '101%', '0/7', '8/7', 'all', '%', '']) {
      assert.throws(() => parsePortion(text), { code: 'input/invalid' }, text);
    }
  });
});
