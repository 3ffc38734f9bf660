import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { utf8 } from '../base/bytes.ts';
import { parseDuration, parsePeriod } from '../base/duration.ts';
import { planForget } from './forget-plan.ts';
import {
  isEmptyPolicy,
  planRetention,
  type RetentionOptions,
  type RetentionPolicy,
} from './retention.ts';
import type { Snapshot } from './snapshot.ts';
import { parseTimeframes } from './timeframe.ts';

const dayLength = 86_400_000;
const now = Date.parse('2026-11-20T12:00:00Z');
const options: RetentionOptions = { now, timeZone: 'UTC', floor: { last: 0, days: 0 } };

let counter = 0;
function snapshotAt(time: string | number, more: Partial<Snapshot> = {}): Snapshot {
  counter++;
  return {
    id: counter.toString(16).padStart(32, '0'),
    time: typeof time === 'string' ? Date.parse(time) : time,
    hostname: 'alpha',
    username: 'anna',
    signer: 'aa',
    paths: [utf8('/home')],
    tags: [],
    state: 'complete',
    ...more,
  };
}

const daily = (days: number): Snapshot[] =>
  Array.from({ length: days }, (_, age) => snapshotAt(now - age * dayLength));

/** The ages in days of what is kept. */
const agesKept = (
  snapshots: readonly Snapshot[],
  policy: RetentionPolicy,
  more: Partial<RetentionOptions> = {},
): number[] =>
  planRetention(snapshots, policy, { ...options, ...more })
    .keep.map(({ time }) => Math.round((now - time) / dayLength))
    .toSorted((left, right) => left - right);

describe('planRetention()', () => {
  test('keeps everything without a policy', () => {
    assert.ok(isEmptyPolicy({}));
    assert.ok(isEmptyPolicy({ keepTags: [], timeframes: [] }));
    const plan = planRetention(daily(4), {}, options);
    assert.equal(plan.keep.length, 4);
    assert.deepEqual(plan.groups[0]!.decisions[0]!.reasons, ['no policy']);
  });

  test('keeps the last, and the newest of each period', () => {
    assert.deepEqual(agesKept(daily(10), { keepLast: 2 }), [0, 1]);
    assert.deepEqual(agesKept(daily(10), { keepDaily: 3 }), [0, 1, 2]);
    // 20 November 2026 is a Friday: weeks end on 15, 8, 1 November.
    assert.deepEqual(agesKept(daily(21), { keepWeekly: 3 }), [0, 5, 12]);
    assert.deepEqual(agesKept(daily(60), { keepMonthly: 2 }), [0, 20]);
    assert.deepEqual(agesKept(daily(400), { keepYearly: 2 }), [0, 324]);
    assert.deepEqual(agesKept(daily(3), { keepDaily: Infinity }), [0, 1, 2]);
  });

  test('does not count days without snapshots', () => {
    const snapshots = [0, 5, 9, 30].map((age) => snapshotAt(now - age * dayLength));
    assert.deepEqual(agesKept(snapshots, { keepDaily: 3 }), [0, 5, 9]);
  });

  test('begins days in the given zone', () => {
    const evening = snapshotAt('2026-11-18T22:30:00Z');
    const night = snapshotAt('2026-11-18T23:30:00Z');
    const kept = (timeZone: string): readonly Snapshot[] =>
      planRetention([evening, night], { keepDaily: 5 }, { ...options, timeZone }).keep;
    assert.deepEqual(kept('UTC'), [night]);
    assert.deepEqual(kept('Europe/Berlin'), [night, evening]);
  });

  test('counts "within" from the newest snapshot, not from now', () => {
    const old = daily(10).map((snapshot) => ({
      ...snapshot,
      time: snapshot.time - 1000 * dayLength,
    }));
    assert.equal(planRetention(old, { keepWithin: parsePeriod('3d') }, options).keep.length, 4);
    assert.deepEqual(agesKept(daily(60), { keepWithinWeekly: parsePeriod('15d') }), [0, 5, 12]);
    assert.deepEqual(agesKept(daily(90), { keepWithinMonthly: parsePeriod('2m') }), [0, 20, 51]);
  });

  test('keeps snapshots that have all tags of a list', () => {
    const snapshots = [
      snapshotAt(now),
      snapshotAt(now - dayLength, { tags: ['a'] }),
      snapshotAt(now - 2 * dayLength, { tags: ['b', 'a'] }),
      snapshotAt(now - 3 * dayLength, { tags: ['c'] }),
    ];
    assert.deepEqual(agesKept(snapshots, { keepTags: [['a', 'b'], ['c']] }), [0, 2, 3]);
  });

  test('keeps by timeframes as Duplicati does', () => {
    // First week daily; then the oldest of up to four weeks and each one a week younger; then monthly; nothing after a year.
    const kept = agesKept(daily(500), { timeframes: parseTimeframes('1W:1D,4W:1W,12M:1M') });
    assert.deepEqual(kept.slice(0, 11), [0, 1, 2, 3, 4, 5, 6, 7, 14, 21, 28]);
    assert.deepEqual(kept.slice(11), [31, 61, 92, 123, 153, 184, 214, 245, 273, 304, 335, 365]);
  });

  test('takes U in timeframes as unlimited', () => {
    assert.equal(agesKept(daily(30), { timeframes: parseTimeframes('1W:U') }).length, 8);
    assert.deepEqual(agesKept(daily(30), { timeframes: parseTimeframes('U:10D') }), [0, 9, 19, 29]);
    for (const text of ['', '1W', '1W:1D:1M', 'x:1D']) {
      assert.throws(() => parseTimeframes(text), { code: 'input/invalid' }, text);
    }
  });

  test('goes by host and set of sources', () => {
    const snapshots = [
      snapshotAt(now, { signer: 'aa' }),
      snapshotAt(now - 1, { signer: 'bb' }),
      snapshotAt(now - 2, { signer: 'aa', paths: [utf8('/etc')] }),
      snapshotAt(now - 3, { signer: 'aa', hostname: 'renamed' }),
      snapshotAt(now - 4, { paths: [utf8('/a'), utf8('/b')] }),
      snapshotAt(now - 5, { paths: [utf8('/b'), utf8('/a')] }),
    ];
    const plan = planRetention(snapshots, { keepLast: 1 }, options);
    assert.deepEqual(plan.forget, [snapshots[3], snapshots[5]]);
    assert.equal(plan.groups.length, 4);
  });

  test('neither counts nor forgets unfinished snapshots', () => {
    const snapshots = [snapshotAt(now, { state: 'unfinished' }), ...daily(3)];
    const plan = planRetention(snapshots, { keepLast: 1 }, options);
    assert.deepEqual(plan.keep, [snapshots[1]]);
    assert.deepEqual(plan.forget, snapshots.slice(2));
  });

  test('stays above the floor of the repository unless forced', () => {
    const snapshots = [0, 0.1, 0.2, 0.3, 3, 4, 40, 50, 60, 70, 80, 90].map((age) =>
      snapshotAt(now - age * dayLength),
    );
    const floor = { last: 3, days: 7 };
    assert.deepEqual(
      agesKept(snapshots, { keepLast: 1 }, { floor }),
      [0, 0, 0, 3, 4, 40, 50, 60, 70],
    );
    assert.deepEqual(agesKept(snapshots, { keepLast: 1 }, { floor, force: true }), [0]);
  });

  test('refuses a policy that keeps nothing, and keeps the newest when forced', () => {
    const keepsNothing: RetentionPolicy[] = [{ keepLast: 0 }, { keepTags: [['none']] }];
    for (const policy of keepsNothing) {
      assert.throws(() => planRetention(daily(3), policy, options), {
        code: 'input/invalid',
        message: /alpha/u,
      });
      assert.deepEqual(agesKept(daily(3), policy, { force: true }), [0]);
    }
    assert.throws(() => planRetention([], { keepLast: -1 }, options), { code: 'input/invalid' });
    assert.throws(() => planRetention([], { keepDaily: 1.5 }, options), { code: 'input/invalid' });
  });

  test('gives a reason for each snapshot that it keeps', () => {
    const plan = planRetention(daily(3), { keepLast: 1, keepDaily: 2 }, options);
    assert.deepEqual(
      plan.groups[0]!.decisions.map(({ keep, reasons }) => [keep, reasons]),
      [
        [true, ['last', 'daily', 'newest']],
        [true, ['daily']],
        [false, []],
      ],
    );
  });
});

describe('planForget()', () => {
  const noFloor = { floor: { last: 0, days: 0 }, timeZone: 'UTC' };

  test('forgets what is named but leaves the newest snapshot of each group unless forced', () => {
    const snapshots = daily(3);
    const unfinished = snapshotAt(now, { state: 'unfinished' });
    const all = [...snapshots, unfinished];
    assert.deepEqual(planForget(all, [snapshots[1]!, unfinished], noFloor).forget, [
      snapshots[1],
      unfinished,
    ]);
    assert.throws(() => planForget(all, snapshots, noFloor), {
      code: 'input/invalid',
      message: 'No snapshot of "alpha" with these sources would be left',
    });
    assert.throws(() => planForget(all, snapshots.slice(0, 1), noFloor), {
      code: 'input/invalid',
      message: 'The newest snapshot of "alpha" with these sources would go',
    });
    assert.equal(planForget(all, snapshots, { ...noFloor, force: true }).keep.length, 0);
    assert.deepEqual(planForget(all, [unfinished], noFloor).forget, [unfinished]);
  });

  test('does not go below the floor unless forced, one by one neither', () => {
    const floor = { floor: { last: 3, days: 2 }, timeZone: 'UTC' };
    // Three of today, one of each of the two days before.
    const today = [0, 1, 2].map((hours) => snapshotAt(now - hours * 3_600_000));
    const before = [1, 2].map((days) => snapshotAt(now - days * dayLength));
    const all = [...today, ...before];
    const refused = (named: readonly Snapshot[], left: readonly Snapshot[], message: RegExp) =>
      assert.throws(() => planForget(left, named, floor), { code: 'input/invalid', message });
    assert.deepEqual(planForget(all, today.slice(1), floor).forget, today.slice(1));
    refused(
      [...today.slice(1), before[1]!],
      all,
      /^Only 2 snapshots of "alpha" .* less than the 3/u,
    );
    refused([before[0]!], all, /^No snapshot of "alpha" with these sources of 2026-11-19 would/u);
    const left = planForget(all, [today[1]!, before[1]!], floor).keep;
    assert.equal(left.length, 3);
    refused([today[2]!], left, /^Only 2 snapshots/u);
    assert.equal(planForget(left, [today[2]!], { ...floor, force: true }).keep.length, 2);
  });
});

// Properties over random histories and policies.

const histories = fc.array(
  fc.record({
    age: fc.oneof(fc.integer({ min: 0, max: 40 * 24 }), fc.integer({ min: 0, max: 900 * 24 })),
    signer: fc.constantFrom('aa', 'bb'),
    tags: fc.subarray(['a', 'b']),
    state: fc.constantFrom<Snapshot['state']>('complete', 'complete', 'complete', 'unfinished'),
  }),
  { maxLength: 40 },
);
const snapshotsOf = (
  history: typeof histories extends fc.Arbitrary<infer Value> ? Value : never,
): Snapshot[] => history.map(({ age, ...rest }) => snapshotAt(now - age * 3_600_000, rest));
const count = fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined });
const within = fc.option(fc.constantFrom('5d', '3w', '2m', '1y').map(parsePeriod), {
  nil: undefined,
});
const policies = fc.record({
  keepLast: count,
  keepHourly: count,
  keepDaily: count,
  keepWeekly: count,
  keepMonthly: count,
  keepYearly: count,
  keepWithin: within,
  keepWithinDaily: within,
  keepWithinMonthly: within,
  keepTags: fc.constantFrom([], [['a']], [['a', 'b'], ['b']]),
  timeframes: fc.constantFrom(
    [],
    ...['1W:1D,4W:1W,12M:1M', '3D:U,U:1W', '10D:12h'].map(parseTimeframes),
  ),
});
const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'Pacific/Auckland');
const floors = fc.constantFrom({ last: 0, days: 0 }, { last: 3, days: 7 });

const idsOf = (snapshots: readonly Snapshot[]): string[] =>
  snapshots.map(({ id }) => id).toSorted();

/** The plan, or undefined for a policy that is refused. */
function tried(
  snapshots: Snapshot[],
  policy: RetentionPolicy,
  more: Partial<RetentionOptions>,
): Snapshot[] | undefined {
  try {
    return [...planRetention(snapshots, policy, { ...options, ...more }).keep];
  } catch {
    return undefined;
  }
}

/** How many different periods of the kept kind are newer than that of `snapshot`: counted one by one, without sorting. */
function keptBruteForce(
  snapshot: Snapshot,
  all: readonly Snapshot[],
  number: number,
  bucket: (time: number) => unknown,
): boolean {
  const newer = all.filter(
    (other) =>
      other.time > snapshot.time || (other.time === snapshot.time && other.id > snapshot.id),
  );
  if (newer.some((other) => bucket(other.time) === bucket(snapshot.time))) return false;
  return new Set(newer.map((other) => bucket(other.time))).size < number;
}

describe('retention, for any history', () => {
  test('the newest complete snapshot of a group stays, forced or not', () => {
    fc.assert(
      fc.property(histories, policies, fc.boolean(), floors, (history, policy, force, floor) => {
        const snapshots = snapshotsOf(history);
        const kept = tried(snapshots, policy, { force, floor });
        if (kept === undefined) return;
        for (const signer of ['aa', 'bb']) {
          const own = snapshots.filter((one) => one.signer === signer && one.state === 'complete');
          const newest = Math.max(...own.map(({ time }) => time));
          if (own.length > 0)
            assert.ok(kept.some((one) => one.signer === signer && one.time === newest));
        }
      }),
    );
  });

  test('planning again after the plan was carried out changes nothing', () => {
    fc.assert(
      fc.property(histories, policies, zones, floors, (history, policy, timeZone, floor) => {
        const once = tried(snapshotsOf(history), policy, { timeZone, floor });
        if (once === undefined) return;
        assert.deepEqual(idsOf(tried(once, policy, { timeZone, floor })!), idsOf(once));
      }),
      { numRuns: 500 },
    );
  });

  test('a policy that asks for more keeps at least as much', () => {
    fc.assert(
      fc.property(histories, policies, policies, (history, policy, other) => {
        const larger = (left?: number, right?: number): number | undefined =>
          left === undefined ? right : Math.max(left, right ?? 0);
        const more: RetentionPolicy = {
          ...policy,
          keepLast: larger(policy.keepLast, other.keepLast),
          keepDaily: larger(policy.keepDaily, other.keepDaily),
          keepMonthly: larger(policy.keepMonthly, other.keepMonthly),
          keepTags: [...policy.keepTags, ...other.keepTags],
          keepWithin: policy.keepWithin ?? other.keepWithin,
        };
        const snapshots = snapshotsOf(history);
        if (isEmptyPolicy(policy)) return;
        const less = tried(snapshots, policy, {});
        if (less === undefined) return;
        const kept = new Set(idsOf(tried(snapshots, more, {})!));
        assert.ok(idsOf(less).every((id) => kept.has(id)));
      }),
    );
  });

  test('counts as a brute-force count does', () => {
    const buckets: readonly (readonly [keyof RetentionPolicy, (time: number) => unknown])[] = [
      ['keepLast', (time) => time],
      ['keepHourly', (time) => Math.floor(time / 3_600_000)],
      ['keepDaily', (time) => Math.floor(time / dayLength)],
      // The first of January 1970 was a Thursday.
      ['keepWeekly', (time) => Math.floor((time / dayLength + 3) / 7)],
      ['keepMonthly', (time) => new Date(time).toISOString().slice(0, 7)],
      ['keepYearly', (time) => new Date(time).toISOString().slice(0, 4)],
    ];
    const history = fc.uniqueArray(fc.integer({ min: 0, max: 900 * 24 * 60 }), { maxLength: 40 });
    fc.assert(
      fc.property(
        history,
        fc.constantFrom(...buckets),
        fc.integer({ min: 1, max: 6 }),
        (ages, [rule, bucket], number) => {
          const snapshots = ages.map((age) => snapshotAt(now - age * 60_000));
          const expected = snapshots.filter((one) =>
            keptBruteForce(one, snapshots, number, bucket),
          );
          const plan = planRetention(snapshots, { [rule]: number }, options);
          assert.deepEqual(idsOf(plan.keep), idsOf(expected));
          assert.deepEqual(idsOf([...plan.keep, ...plan.forget]), idsOf(snapshots));
        },
      ),
      { numRuns: 500 },
    );
  });

  test('timeframes leave no two snapshots closer than the interval, and no gap that a snapshot could fill', () => {
    const interval = parseDuration('3D');
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 60 }),
        (ages) => {
          const snapshots = [
            snapshotAt(now),
            ...ages.map((age) => snapshotAt(now - age * 3_600_000)),
          ];
          const plan = planRetention(
            snapshots,
            { timeframes: [{ reach: undefined, interval }] },
            options,
          );
          const kept = plan.keep
            .map(({ time }) => time)
            .slice(1)
            .toSorted((left, right) => left - right);
          assert.equal(kept[0], now - Math.max(...ages) * 3_600_000);
          for (const [index, time] of kept.entries()) {
            const next = kept[index + 1] ?? Infinity;
            assert.ok(next - time >= 3 * dayLength);
            assert.ok(
              plan.forget.every((one) => !(one.time >= time + 3 * dayLength && one.time < next)),
            );
          }
        },
      ),
    );
  });
});
