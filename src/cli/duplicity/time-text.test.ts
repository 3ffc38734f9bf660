import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { AppError } from '../../base/errors.ts';
import { intervalSeconds, parseTime } from './time-text.ts';

describe('times as users of duplicity write them', () => {
  const now = 1_700_000_000;
  for (const [text, zone, expected] of [
    ['now', 'UTC', now],
    ['123456890', 'UTC', 123_456_890],
    ['0', 'UTC', 0],
    ['1h78m', 'UTC', now - 3600 - 78 * 60],
    ['1Y2M3W4D5h6m7s', 'UTC', now - 365 * 86400 - 60 * 86400 - 25 * 86400 - 5 * 3600 - 367],
    ['2002-01-25T07:00:00+02:00', 'America/New_York', 1_011_934_800],
    ['2002-01-25T05:00:00Z', 'America/New_York', 1_011_934_800],
    ['20020125T050000Z', 'Asia/Tokyo', 1_011_934_800],
    ['2002-01-25T00:00:00', 'America/New_York', 1_011_934_800],
    // In summer, too, by the clock of winter.
    ['2002-07-25T00:00:00', 'America/New_York', Date.UTC(2002, 6, 25, 5) / 1000],
    ['2002/3/5', 'UTC', Date.UTC(2002, 2, 5) / 1000],
    ['03-05-2002', 'UTC', Date.UTC(2002, 2, 5) / 1000],
    ['2002-3-05', 'UTC', Date.UTC(2002, 2, 5) / 1000],
    ['3/5/2002', 'America/New_York', Date.UTC(2002, 2, 5, 5) / 1000],
    ['20020305Z', 'UTC', Date.UTC(2002, 2, 5) / 1000],
  ] as const) {
    test(`${text} in ${zone}`, () => assert.equal(parseTime(text, now, zone), expected));
  }

  for (const text of [
    '',
    'foo',
    '1d',
    '1D2',
    '-1D',
    '2002-13-01',
    '2002-02-30',
    '2002-01-25T25:00:00Z',
  ]) {
    test(`"${text}" is refused`, () => {
      assert.throws(
        () => parseTime(text, now, 'UTC'),
        (error) => error instanceof AppError && error.details['exit'] === 2,
      );
    });
  }

  test('intervals alone', () => {
    assert.equal(intervalSeconds('2D'), 172_800);
    assert.equal(intervalSeconds('2002-03-05'), undefined);
  });
});
