import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { parseDuration } from './duration.ts';
import {
  addDuration,
  formatTime,
  goesByUtc,
  instantOf,
  localFields,
  systemTimeZone,
} from './time-zone.ts';

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/St_Johns',
  'Asia/Kathmandu',
  'Pacific/Apia',
  'Australia/Lord_Howe',
];
const at = (text: string): number => Date.parse(text);

describe('time zone', () => {
  test('systemTimeZone() is one that can be used, whatever TZ says', () => {
    const before = process.env['TZ'];
    try {
      for (const [given, expected] of [
        ['America/New_York', 'America/New_York'],
        ['', 'UTC'],
        ['Mars/Olympus', 'UTC'],
      ] as const) {
        process.env['TZ'] = given;
        assert.equal(systemTimeZone(), expected, given);
      }
    } finally {
      if (before === undefined) delete process.env['TZ'];
      else process.env['TZ'] = before;
    }
  });

  test('goesByUtc() says so only of what systemTimeZone() calls UTC, too', () => {
    const before = process.env['TZ'];
    try {
      for (const given of ['UTC', 'Etc/UTC', 'Zulu', 'Etc/GMT-1', 'Europe/London', '', undefined]) {
        if (given === undefined) delete process.env['TZ'];
        else process.env['TZ'] = given;
        if (goesByUtc(given)) assert.equal(systemTimeZone(), 'UTC', given);
      }
    } finally {
      if (before === undefined) delete process.env['TZ'];
      else process.env['TZ'] = before;
    }
    assert.ok(goesByUtc('UTC'));
    assert.ok(!goesByUtc('Europe/London'));
  });

  test('localFields() shows the wall clock of the zone', () => {
    assert.deepEqual(localFields(at('2026-07-01T22:30:05.250Z'), 'Europe/Berlin'), {
      year: 2026,
      month: 7,
      day: 2,
      hour: 0,
      minute: 30,
      second: 5,
      millisecond: 250,
      weekday: 4,
    });
    assert.equal(formatTime(at('2026-01-05T00:00:00Z'), 'America/New_York'), '2026-01-04 19:00:00');
  });

  test('instantOf() undoes localFields(), but for the hour that is shown twice', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: at('1980-01-01'), max: at('2100-01-01') }),
        fc.constantFrom(...zones),
        (time, zone) => {
          const back = instantOf(localFields(time, zone), zone);
          assert.deepEqual(localFields(back, zone), localFields(time, zone));
          // The same fields again at most an hour later; Samoa left out a whole day once, which is no repetition.
          assert.ok(back === time || (back < time && time - back <= 3_600_000));
        },
      ),
    );
  });

  test('instantOf() moves a time that is never shown forward', () => {
    const fields = {
      year: 2026,
      month: 3,
      day: 29,
      hour: 2,
      minute: 30,
      second: 0,
      millisecond: 0,
    };
    assert.equal(instantOf(fields, 'Europe/Berlin'), at('2026-03-29T01:30:00Z'));
  });

  test('instantOf() takes the first of a time that is shown twice', () => {
    const fields = {
      year: 2026,
      month: 10,
      day: 25,
      hour: 2,
      minute: 30,
      second: 0,
      millisecond: 0,
    };
    assert.equal(instantOf(fields, 'Europe/Berlin'), at('2026-10-25T00:30:00Z'));
  });

  test('addDuration() goes by the calendar', () => {
    const zone = 'Europe/Berlin';
    const before = (time: string, duration: string): number =>
      addDuration(at(time), parseDuration(duration), -1, zone);
    assert.equal(before('2026-03-31T10:00:00Z', '1M'), at('2026-02-28T11:00:00Z'));
    assert.equal(before('2026-03-29T10:00:00Z', '1D'), at('2026-03-28T11:00:00Z'));
    assert.equal(before('2026-03-29T10:00:00Z', '24h'), at('2026-03-28T10:00:00Z'));
    assert.equal(before('2026-01-15T00:00:00Z', '14M'), at('2024-11-15T00:00:00Z'));
    assert.equal(
      addDuration(at('2024-02-29T12:00:00Z'), parseDuration('1Y'), 1, 'UTC'),
      at('2025-02-28T12:00:00Z'),
    );
  });

  test('an unknown zone is refused by name', () => {
    assert.throws(() => localFields(0, 'Mars/Olympus'), {
      code: 'input/invalid',
      message: /Mars\/Olympus/u,
    });
  });
});
