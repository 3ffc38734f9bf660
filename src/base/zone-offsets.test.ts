import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { hasCode } from './errors.ts';
import { instantOf, localFields, offsetAt } from './time-zone.ts';
import { instantOfWall, spanAt } from './zone-offsets.ts';

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Africa/Casablanca',
  'Asia/Kolkata',
  'Pacific/Apia',
];
const zone = fc.constantFrom(...zones);
const time = fc.integer({ min: Date.UTC(1995, 0, 1), max: Date.UTC(2060, 0, 1) });

describe('spanAt()', () => {
  test('knows the offset of every moment, in any order of asking', () => {
    fc.assert(
      fc.property(zone, time, (timeZone, when) => {
        const { start, end, offset } = spanAt(timeZone, when);
        assert.equal(offset, offsetAt(when, timeZone));
        assert.ok(start <= when && when < end);
      }),
      { numRuns: 300 },
    );
  });

  test('ends where the clocks change, to the second', () => {
    const { start, end } = spanAt('Europe/Berlin', Date.UTC(2026, 6, 1));
    assert.equal(new Date(start).toISOString(), '2026-03-29T01:00:00.000Z');
    assert.equal(new Date(end).toISOString(), '2026-10-25T01:00:00.000Z');
    assert.equal(spanAt('Europe/Berlin', end).offset, 3_600_000);
    assert.equal(spanAt('Europe/Berlin', end - 1).offset, 7_200_000);
  });

  test('refuses a zone that is none', () => {
    assert.throws(
      () => spanAt('Europe/Berlinn', 0),
      (error) => hasCode(error, 'input/invalid'),
    );
  });
});

describe('instantOfWall()', () => {
  test('is the way back, but in the second of two hours', () => {
    fc.assert(
      fc.property(zone, time, (timeZone, when) => {
        const wall = when + spanAt(timeZone, when).offset;
        const back = instantOfWall(timeZone, wall);
        const shown = back + spanAt(timeZone, back).offset;
        assert.equal(shown, wall);
        assert.ok(back <= when);
        assert.equal(back, instantOf(localFields(when, timeZone), timeZone));
      }),
      { numRuns: 300 },
    );
  });

  test('is the first moment after a gap', () => {
    const wall = Date.UTC(2026, 2, 29, 2, 45);
    assert.equal(instantOfWall('Europe/Berlin', wall), Date.UTC(2026, 2, 29, 1));
  });
});
