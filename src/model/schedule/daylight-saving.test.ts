import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { offsetAt } from '../../base/time-zone.ts';
import { nextCronTime, parseCron } from './cron-expression.ts';

/** All expressions here mean multiples of five minutes. */
const step = 5 * 60_000;
const day = 86_400_000;
/** Two years with four changes of the clocks in each zone. */
const begin = Date.UTC(2026, 0, 1);
const end = Date.UTC(2028, 0, 1);

/** What the clocks of a zone show, step by step, without any cleverness: changes are at half hours at the finest. */
class WallClock {
  readonly #walls: Float64Array;
  /** By what is shown: the first time that shows it. */
  readonly #firstShown = new Map<number, number>();

  constructor(zone: string) {
    const from = begin - day;
    this.#walls = new Float64Array((end - begin + 2 * day) / step);
    let offset = 0;
    for (let index = 0; index < this.#walls.length; index++) {
      const time = from + index * step;
      if (index % 6 === 0) offset = offsetAt(time, zone);
      const wall = time + offset;
      this.#walls[index] = wall;
      if (!this.#firstShown.has(wall)) this.#firstShown.set(wall, time);
    }
  }

  /** Whenever what is shown fits. */
  shownTimes(fits: (date: Date) => boolean): number[] {
    const found: number[] = [];
    for (const [index, wall] of this.#walls.entries()) {
      const time = begin - day + index * step;
      if (time > begin && time <= end && fits(new Date(wall))) found.push(time);
    }
    return found;
  }

  /** Each fitting time of the calendar once; two that fall together count as one. */
  calendarTimes(fits: (date: Date) => boolean): number[] {
    const found = new Set<number>();
    for (let wall = begin - day; wall < end + day; wall += step) {
      if (!fits(new Date(wall))) continue;
      let shown = wall;
      while (!this.#firstShown.has(shown)) shown += step;
      const time = this.#firstShown.get(shown)!;
      if (time > begin && time <= end) found.add(time);
    }
    return [...found].sort((left, right) => left - right);
  }
}

function runsOf(text: string, zone: string): number[] {
  const expression = parseCron(text);
  const found: number[] = [];
  let time = nextCronTime(expression, zone, begin);
  while (time !== undefined && time <= end) {
    found.push(time);
    time = nextCronTime(expression, zone, time);
  }
  return found;
}

const at = (date: Date): [number, number] => [date.getUTCHours(), date.getUTCMinutes()];

/** At fixed hours: once on each day of the calendar. */
const fixed: readonly (readonly [string, (date: Date) => boolean])[] = [
  ['30 2 * * *', (date) => String(at(date)) === '2,30'],
  ['0 2 * * *', (date) => String(at(date)) === '2,0'],
  ['45 1 * * *', (date) => String(at(date)) === '1,45'],
  ['0 0 * * *', (date) => String(at(date)) === '0,0'],
  ['0 3 * * *', (date) => String(at(date)) === '3,0'],
  ['15 2 * * SUN', (date) => String(at(date)) === '2,15' && date.getUTCDay() === 0],
  ['30 1 1 * *', (date) => String(at(date)) === '1,30' && date.getUTCDate() === 1],
  ['0 1,2,3 * * *', (date) => [1, 2, 3].includes(at(date)[0]) && at(date)[1] === 0],
  ['*/20 2 * * *', (date) => at(date)[0] === 2 && at(date)[1] % 20 === 0],
  ['Sun 02:30', (date) => String(at(date)) === '2,30' && date.getUTCDay() === 0],
];

/** Every so many hours or minutes: whenever the clock shows it. */
const wildcard: readonly (readonly [string, (date: Date) => boolean])[] = [
  ['0 * * * *', (date) => at(date)[1] === 0],
  ['30 * * * *', (date) => at(date)[1] === 30],
  ['*/15 * * * *', (date) => at(date)[1] % 15 === 0],
  ['0 */2 * * *', (date) => at(date)[0] % 2 === 0 && at(date)[1] === 0],
  ['10 0-23 * * *', (date) => at(date)[1] === 10],
  ['5 * * * SUN', (date) => at(date)[1] === 5 && date.getUTCDay() === 0],
];

describe('24 months over changes of the clocks', () => {
  // An hour in the north, an hour elsewhere at other hours, and half an hour in the south.
  for (const zone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe']) {
    const clock = new WallClock(zone);
    for (const [text, fits] of fixed) {
      test(`${text} in ${zone} runs once for each time of the calendar`, () => {
        assert.deepEqual(runsOf(text, zone), clock.calendarTimes(fits));
      });
    }
    for (const [text, fits] of wildcard) {
      test(`${text} in ${zone} runs whenever the clock shows it`, () => {
        assert.deepEqual(runsOf(text, zone), clock.shownTimes(fits));
      });
    }

    test(`a daily job in ${zone} runs exactly 730 times, an hourly one each hour`, () => {
      assert.equal(runsOf('30 2 * * *', zone).length, 730);
      if (zone !== 'Australia/Lord_Howe') {
        const hours = runsOf('0 * * * *', zone);
        assert.equal(hours.length, 730 * 24);
        assert.ok(
          hours.every((time, index) => index === 0 || hours[index - 1] === time - 3_600_000),
        );
      }
    });

    test(`an interval in ${zone} knows nothing of clocks`, () => {
      const times = runsOf('@every 6h', zone);
      assert.ok(times.every((time, index) => time === begin + (index + 1) * 6 * 3_600_000));
      assert.equal(times.length, 730 * 4);
    });
  }
});

describe('on the day on which the clocks change', () => {
  const runsOn = (text: string, zone: string, date: number): string[] =>
    runsOf(text, zone)
      .filter((time) => time >= date && time < date + 2 * day)
      .map((time) => new Date(time).toISOString().slice(0, 16));

  test('what is due in the hour that is left out runs when it would have ended', () => {
    assert.deepEqual(runsOn('30 2 * * *', 'Europe/Berlin', Date.UTC(2026, 2, 28, 12)), [
      '2026-03-29T01:00',
      '2026-03-30T00:30',
    ]);
  });

  test('what is due in the hour that comes twice runs in the first one', () => {
    assert.deepEqual(runsOn('30 2 * * *', 'Europe/Berlin', Date.UTC(2026, 9, 24, 12)), [
      '2026-10-25T00:30',
      '2026-10-26T01:30',
    ]);
  });

  test('what is due each hour runs in both', () => {
    const hours = runsOn('0 * * * *', 'Europe/Berlin', Date.UTC(2026, 9, 25));
    assert.deepEqual(hours.slice(0, 3), [
      '2026-10-25T00:00',
      '2026-10-25T01:00',
      '2026-10-25T02:00',
    ]);
  });

  test('asking from within the second of the two hours does not repeat the first', () => {
    const expression = parseCron('30 2 * * *');
    const inSecond = Date.UTC(2026, 9, 25, 1, 10);
    const next = nextCronTime(expression, 'Europe/Berlin', inSecond)!;
    assert.equal(new Date(next).toISOString(), '2026-10-26T01:30:00.000Z');
  });

  test('a day that a zone left out altogether is made up for at its end', () => {
    const expression = parseCron('0 12 * * *');
    const next = nextCronTime(expression, 'Pacific/Apia', Date.UTC(2011, 11, 29, 23))!;
    assert.equal(new Date(next).toISOString(), '2011-12-30T10:00:00.000Z');
  });
});
