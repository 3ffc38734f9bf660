import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { durationMilliseconds, formatDuration, parseDuration, parsePeriod } from './duration.ts';

const plain = { months: 0, days: 0, milliseconds: 0 };

describe('duration', () => {
  test('parseDuration() reads every unit, and m as minutes', () => {
    assert.deepEqual(parseDuration('90s'), { ...plain, milliseconds: 90_000 });
    assert.deepEqual(parseDuration('5m'), { ...plain, milliseconds: 300_000 });
    assert.deepEqual(parseDuration('2h'), { ...plain, milliseconds: 7_200_000 });
    assert.deepEqual(parseDuration('3D'), { ...plain, days: 3 });
    assert.deepEqual(parseDuration('1W2D'), { ...plain, days: 9 });
    assert.deepEqual(parseDuration('1M'), { ...plain, months: 1 });
    assert.deepEqual(parseDuration('2Y1M'), { ...plain, months: 25 });
    assert.deepEqual(parseDuration('4w'), { ...plain, days: 28 });
  });

  test('parsePeriod() reads m as months, as restic does', () => {
    assert.deepEqual(parsePeriod('2y5m7d3h'), { months: 29, days: 7, milliseconds: 10_800_000 });
    assert.deepEqual(parsePeriod('1M'), { ...plain, months: 1 });
  });

  test('parseDuration() reads ISO 8601', () => {
    assert.deepEqual(parseDuration('P1D'), { ...plain, days: 1 });
    assert.deepEqual(parseDuration('P1Y2M3W4DT5H6M7S'), {
      months: 14,
      days: 25,
      milliseconds: ((5 * 60 + 6) * 60 + 7) * 1000,
    });
    assert.deepEqual(parseDuration('PT5M'), { ...plain, milliseconds: 300_000 });
  });

  test('parseDuration() refuses what is not a duration', () => {
    for (const text of [
      '',
      'P',
      'PT',
      'P1DT',
      '5',
      'm',
      '5 m',
      '-3D',
      '1.5h',
      '3X',
      '99999999999Y',
      '2001Y',
    ]) {
      assert.throws(() => parseDuration(text), { code: 'input/invalid' }, text);
    }
  });

  test('durationMilliseconds() counts a month as 30 days and a year as 365', () => {
    assert.equal(durationMilliseconds(parseDuration('1M')), 30 * 86_400_000);
    assert.equal(durationMilliseconds(parseDuration('1Y')), 365 * 86_400_000);
    assert.equal(durationMilliseconds(parseDuration('1D1s')), 86_401_000);
  });

  test('formatDuration() prints the two largest units and carries', () => {
    assert.equal(formatDuration(-5), '0 s');
    assert.equal(formatDuration(42_400), '42 s');
    assert.equal(formatDuration(59_700), '1 min 00 s');
    assert.equal(formatDuration(303_000), '5 min 03 s');
    assert.equal(formatDuration(3_900_000), '1 h 05 min');
    assert.equal(formatDuration(3_599_700), '1 h 00 min');
    assert.equal(formatDuration(86_399_000), '1 d 00 h');
    assert.equal(formatDuration(76 * 3_600_000), '3 d 04 h');
  });
});
