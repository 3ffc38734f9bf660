import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { hasCode } from '../../base/errors.ts';
import type { JobSchedule } from '../job-schedule.ts';
import { jitterKey, stableFraction } from './jitter.ts';
import {
  definitionOf,
  nextDue,
  nextRun,
  type Periodicities,
  resolveSchedule,
  type ResolvedSchedule,
} from './schedule.ts';
import { periodOf } from './schedule-period.ts';
import { consideredAfter, lookFrom, upcomingRuns } from './schedule-position.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const start = Date.UTC(2026, 5, 1, 0, 30);

const resolved = (schedule: JobSchedule, periodicities: Periodicities = {}, timeZone = 'UTC') =>
  resolveSchedule(schedule, periodicities, { timeZone });

function timesOf(schedule: ResolvedSchedule, count: number, after = start): string[] {
  const found: string[] = [];
  let time: number | undefined = after;
  while (found.length < count) {
    time = nextRun(schedule, time, 'host/job');
    if (time === undefined) break;
    found.push(new Date(time).toISOString().slice(5, 16));
  }
  return found;
}

describe('resolveSchedule()', () => {
  test('knows the names of periodicities', () => {
    assert.equal(resolved('manual').expression, undefined);
    assert.equal(resolved('Never').expression, undefined);
    assert.deepEqual(timesOf(resolved('hourly'), 2), ['06-01T01:00', '06-01T02:00']);
    assert.deepEqual(timesOf(resolved('daily'), 1), ['06-02T00:00']);
    assert.deepEqual(timesOf(resolved('weekly'), 1), ['06-07T00:00']);
    assert.deepEqual(timesOf(resolved('monthly'), 1), ['07-01T00:00']);
    assert.deepEqual(timesOf(resolved('15MIN'), 1), ['06-01T00:45']);
  });

  test('those of a configuration go first, and may build on others', () => {
    const periodicities: Periodicities = {
      DAILY: '0 2 * * MON-SAT',
      nightly: { when: 'late', jitter: '10m', timeZone: 'Asia/Tokyo' },
      late: { when: '30 3 * * *', jitter: '1m', minimumGap: '1h' },
      hourly: { when: 'hourly', catchUpDelay: '1m' },
      off: 'manual',
    };
    assert.deepEqual(timesOf(resolved('daily', periodicities), 1), ['06-01T02:00']);
    const nightly = resolved({ when: 'nightly', jitter: '0s' }, periodicities);
    assert.deepEqual(
      [nightly.timeZone, nightly.jitter, nightly.minimumGap, timesOf(nightly, 1)[0]],
      ['Asia/Tokyo', 0, hour, '06-01T18:30'],
    );
    assert.equal(resolved('hourly', periodicities).catchUpDelay, minute);
    assert.deepEqual(timesOf(resolved('hourly', periodicities), 1), ['06-01T01:00']);
    assert.equal(resolved('off', periodicities).expression, undefined);
  });

  test('puts defaults in', () => {
    const { expression: _, ...rest } = resolved('daily', {}, 'Europe/Berlin');
    assert.deepEqual(rest, {
      timeZone: 'Europe/Berlin',
      jitter: 0,
      missed: 'run-once',
      catchUpDelay: 2 * minute,
      minimumGap: 0,
      blackout: [],
    });
  });

  for (const [schedule, message, hint] of [
    ['dayly', /no periodicity "dayly"/u, /"daily"/u],
    ['nigthly', /no periodicity "nigthly"/u, /"nightly"/u],
    ['* * * *', /has 4 fields/u, /five fields/u],
    ['round', /periodicity "round" means itself|periodicity "about" means itself/u, undefined],
    [{ when: 'daily', timeZone: 'Europe/Berln' }, /no time zone "Europe\/Berln"/u, undefined],
    [{ when: 'daily', jitter: 'much' }, /"much" is not a duration/u, undefined],
    [{ when: 'daily', missed: 'never' as 'skip' }, /no policy "never"/u, /run-once/u],
    [{ when: 'daily', blackout: [{ from: '8', until: '9:00' }] }, /"8" is not a time/u, undefined],
    [{ when: 'daily', blackout: [{ from: '1:60', until: '9:00' }] }, /"1:60"/u, undefined],
    [
      { when: 'daily', blackout: [{ from: '08:00', until: '09:00', days: ['mo'] }] },
      /"mo" is not a day/u,
      undefined,
    ],
    [
      {
        when: 'daily',
        blackout: [
          { from: '06:00', until: '18:00' },
          { from: '18:00', until: '6:00' },
        ],
      },
      /leave no time/u,
      undefined,
    ],
  ] as const) {
    test(`refuses ${JSON.stringify(schedule)}`, () => {
      assert.throws(
        () =>
          resolved(schedule, { nightly: '30 3 * * *', round: 'about', about: { when: 'round' } }),
        (error) =>
          hasCode(error, 'input/invalid') &&
          message.test(error.message) &&
          (hint === undefined || hint.test(error.hint ?? '')),
      );
    });
  }

  test('what changes is told from what does not', () => {
    const one = definitionOf(resolved({ when: 'nightly', jitter: '1m' }, { nightly: '0 3 * * *' }));
    assert.equal(one, definitionOf(resolved('nightly', { nightly: '0 3 * * *' })));
    assert.notEqual(one, definitionOf(resolved('nightly', { nightly: '0 4 * * *' })));
    assert.notEqual(one, definitionOf(resolved('0 3 * * *', {}, 'Asia/Tokyo')));
  });
});

describe('jitter', () => {
  test('is the same for a job on a host, spread over jobs and hosts, and within its span', () => {
    const late = Array.from({ length: 500 }, (_, index) => {
      const key = jitterKey(`host-${index % 20}`, `job-${index}`);
      const schedule = resolved({ when: 'daily', jitter: '1h' });
      const first = nextDue(schedule, start, key)!;
      const second = nextDue(schedule, first.due, key)!;
      assert.equal(first.at - first.due, second.at - second.due);
      return first.at - first.due;
    });
    assert.ok(late.every((time) => time >= 0 && time < hour && time % 1000 === 0));
    for (let quarter = 0; quarter < 4; quarter++) {
      const among = late.filter((time) => Math.floor(time / (hour / 4)) === quarter).length;
      assert.ok(among > 90 && among < 160, `${among} in quarter ${quarter}`);
    }
    assert.notEqual(stableFraction('a/b'), stableFraction('a/c'));
    // It must not change with versions of this program.
    assert.equal(stableFraction('host/job').toFixed(6), '0.264760');
  });

  test('never moves a run past the next one', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('* * * * *', 'hourly', '0 1,2,9 * * *', '*/20 8-9 * * MON', 'daily'),
        fc.constantFrom('30s', '5m', '50m', '3h', '2D'),
        fc.integer({ min: 0, max: 366 * 24 }),
        fc.string(),
        (when, jitter, hours, key) => {
          const schedule = resolved({ when, jitter }, {}, 'Europe/Berlin');
          const first = nextDue(schedule, start + hours * hour, key)!;
          const second = nextDue(schedule, first.due, key)!;
          assert.ok(first.at >= first.due && first.at < second.due);
        },
      ),
    );
  });

  test('keeps runs that are asked for after they were due', () => {
    const schedule = resolved({ when: 'hourly', jitter: '1h' });
    const { due, at } = nextDue(schedule, start, 'host/job')!;
    assert.ok(at > due);
    assert.equal(nextRun(schedule, due, 'host/job'), at);
    assert.equal(nextRun(schedule, at - 1, 'host/job'), at);
    assert.equal(nextRun(schedule, at, 'host/job'), at + hour);
  });
});

describe('blackout windows', () => {
  test('what is due in one begins when it ends, also over midnight', () => {
    const schedule = resolved({
      when: '0 */2 * * *',
      blackout: [{ from: '21:30', until: '05:15' }],
    });
    assert.deepEqual(timesOf(schedule, 4), [
      '06-01T05:15',
      '06-01T06:00',
      '06-01T08:00',
      '06-01T10:00',
    ]);
    assert.deepEqual(timesOf(schedule, 3, Date.UTC(2026, 5, 1, 18)), [
      '06-01T20:00',
      '06-02T05:15',
      '06-02T06:00',
    ]);
  });

  test('count only on the days on which they begin', () => {
    // 5 June 2026 is a Friday.
    const schedule = resolved({
      when: '0 23,3 * * *',
      blackout: [{ from: '22:00', until: '04:00', days: ['Fri', 'sunday'] }],
    });
    assert.deepEqual(timesOf(schedule, 7, Date.UTC(2026, 5, 4, 12)), [
      '06-04T23:00',
      '06-05T03:00',
      '06-06T04:00',
      '06-06T23:00',
      '06-07T03:00',
      '06-08T04:00',
      '06-08T23:00',
    ]);
  });

  test('that touch are one', () => {
    const schedule = resolved({
      when: 'hourly',
      blackout: [
        { from: '01:00', until: '03:00' },
        { from: '03:00', until: '04:30' },
      ],
    });
    assert.deepEqual(timesOf(schedule, 2), ['06-01T04:30', '06-01T05:00']);
  });

  test('of a configuration go by its clocks, those of a schedule by its own', () => {
    const schedule = resolveSchedule(
      {
        when: 'hourly',
        timeZone: 'Asia/Tokyo',
        blackout: [{ from: '10:00', until: '12:30' }],
      },
      {},
      { timeZone: 'UTC', blackout: [{ from: '05:00', until: '06:10' }] },
    );
    assert.deepEqual(timesOf(schedule, 4, Date.UTC(2026, 5, 1, 0, 30)), [
      '06-01T03:30',
      '06-01T04:00',
      '06-01T06:10',
      '06-01T07:00',
    ]);
  });

  test('last as long as they do on the days on which the clocks change', () => {
    const schedule = resolved(
      { when: '0 * * * *', blackout: [{ from: '01:30', until: '02:30' }] },
      {},
      'Europe/Berlin',
    );
    // In spring 02:30 does not come; in autumn it comes twice, and the first one counts.
    assert.deepEqual(timesOf(schedule, 2, Date.UTC(2026, 2, 29, 0, 10)), [
      '03-29T01:00',
      '03-29T02:00',
    ]);
    assert.deepEqual(timesOf(schedule, 3, Date.UTC(2026, 9, 24, 23, 10)), [
      '10-25T00:30',
      '10-25T01:00',
      '10-25T02:00',
    ]);
  });
});

describe('periodOf()', () => {
  for (const [schedule, hours] of [
    ['hourly', 1],
    ['daily', 24],
    ['0 2 * * MON-SAT', 48],
    ['0 2 * * 1-5', 72],
    ['weekly', 168],
    ['monthly', 31 * 24],
    ['yearly', 366 * 24],
    ['0 0 29 2 *', 1461 * 24],
    ['15min', 0.25],
    ['*/15 9-17 * * *', 15.25],
    ['0 1,5 * * *', 20],
    ['10 0,30 8 * * *', 23.5],
    ['@every 36h', 36],
    [{ when: 'hourly', minimumGap: '3h' }, 3],
    [{ when: 'daily', blackout: [{ from: '22:00', until: '04:00' }] }, 30],
  ] as const) {
    test(JSON.stringify(schedule), () => assert.equal(periodOf(resolved(schedule)), hours * hour));
  }

  test('nothing for what does not come again', () => {
    assert.equal(periodOf(resolved('manual')), undefined);
    assert.equal(periodOf(resolved('2030-05-01 10:00')), undefined);
  });

  test('no two runs are further apart, as brute force says', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('0', '5,50', '*/20', '59'),
        fc.constantFrom('*', '3', '1,2,20', '8-17', '*/5'),
        fc.constantFrom('*', '1', '31', '1-5', 'L'),
        fc.constantFrom('*', '1-5', 'SUN', '3#2'),
        (minutes, hours, date, weekday) => {
          const schedule = resolved(`${minutes} ${hours} ${date} * ${weekday}`);
          let longest = 0;
          let before = nextRun(schedule, Date.UTC(2026, 11, 31), '')!;
          while (before < Date.UTC(2029, 0, 1)) {
            const next = nextRun(schedule, before, '')!;
            if (next < Date.UTC(2029, 0, 1)) longest = Math.max(longest, next - before);
            before = next;
          }
          assert.equal(periodOf(schedule), longest);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('how far an entry has come', () => {
  const hourly = resolved('hourly');
  const daily = resolved('0 2 * * *');

  test('upcoming runs leave out what is to be left out, and make one of all that are overdue', () => {
    const position = { consideredUntil: start, skipNext: 0 };
    const times = (now: number, skipNext: number, schedule = hourly): string[] =>
      upcomingRuns(schedule, { ...position, skipNext }, now, '', 3).map(({ at }) =>
        new Date(at).toISOString().slice(8, 16),
      );
    assert.deepEqual(times(start, 0), ['01T01:00', '01T02:00', '01T03:00']);
    assert.deepEqual(times(start, 2), ['01T03:00', '01T04:00', '01T05:00']);
    assert.deepEqual(times(start + 5 * hour, 0), ['01T01:00', '01T06:00', '01T07:00']);
    assert.deepEqual(times(start + 5 * hour, 1), ['01T06:00', '01T07:00', '01T08:00']);
    assert.deepEqual(times(start, 0, resolved('manual')), []);
    assert.deepEqual(times(start + 5 * hour, 0, resolved('@every 2h')), [
      '01T02:30',
      '01T07:30',
      '01T09:30',
    ]);
  });

  test('a clock that was put back repeats nothing at fixed hours, up to three hours', () => {
    const done = start + 10 * hour;
    for (const [schedule, back, expected] of [
      [hourly, 4 * minute, done],
      [hourly, 6 * minute, done - 6 * minute],
      [daily, 2 * hour, done],
      [daily, 4 * hour, done - 4 * hour],
      [resolved('@every 1h'), 2 * hour, done - 2 * hour],
      [daily, -day, done],
    ] as const) {
      assert.equal(lookFrom(schedule, done, done - back), expected);
    }
  });

  test('what could have begun by now is dealt with too, not what is only due', () => {
    const jittered = resolved({ when: 'hourly', jitter: '1h' });
    const first = nextDue(jittered, start, 'host/job')!;
    const justAfterNext = first.due + hour + 1000;
    assert.equal(consideredAfter(jittered, first, justAfterNext, 'host/job', false), first.due);
    assert.equal(consideredAfter(jittered, first, justAfterNext, 'host/job', true), justAfterNext);
    const twoLate = first.at + hour;
    assert.equal(consideredAfter(jittered, first, twoLate, 'host/job', false), twoLate);
  });
});
