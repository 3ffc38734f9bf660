import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { configurationOf, jobsOf, ScheduledJobs } from '#test/support/scheduled-jobs.ts';
import { SteeredClock } from '#test/support/steered-clock.ts';

import { nextCronTime, parseCron } from '../../model/schedule/cron-expression.ts';

const minute = 60_000;
const longestSleep = 5 * minute;
/** Waking is noticed within the longest sleep, and made up for two minutes later. */
const settling = longestSleep + 3 * minute;
const begin = Date.UTC(2026, 5, 1, 0, 0, 30);

interface Phase {
  /** How long nothing runs, and how. */
  readonly away: number;
  readonly how: 'suspended' | 'suspended-both' | 'stopped' | 'killed' | 'put-forward';
  /** How long everything works after that; in minutes, as `away`. */
  readonly awake: number;
}

const phases = fc.array(
  fc.record<Phase>({
    away: fc.integer({ min: 2, max: 400 }),
    how: fc.constantFrom('suspended', 'suspended-both', 'stopped', 'killed', 'put-forward'),
    awake: fc.integer({ min: 1, max: 200 }),
  }),
  { minLength: 4, maxLength: 10 },
);

const expressions = ['0 * * * *', '*/10 * * * *', '30 2,5,9 * * *'];

test('whatever happens to machine and clock: on time while it works, one run for all that was missed', async () => {
  await fc.assert(
    fc.asyncProperty(phases, async (history) => {
      const clock = new SteeredClock(begin);
      await using jobs = await ScheduledJobs.open(
        clock,
        configurationOf(
          jobsOf(Object.fromEntries(expressions.map((when) => [nameOf(when), when]))),
        ),
      );
      let scheduler = await jobs.start({ longestSleep });
      await jobs.pass(30 * minute);
      /** When it works, from and until. */
      const awake: [number, number][] = [[begin, clock.now()]];
      for (const { away, how, awake: minutes } of history) {
        switch (how) {
          case 'suspended':
            clock.suspend(away * minute);
            break;
          case 'suspended-both':
            clock.suspendWithBothClocks(away * minute);
            break;
          case 'put-forward':
            clock.set(clock.now() + away * minute);
            break;
          case 'stopped':
          case 'killed':
            await scheduler.ended();
            clock.suspend(away * minute);
            scheduler = await jobs.start({ longestSleep });
            break;
        }
        const from = clock.now();
        await jobs.pass(minutes * minute);
        awake.push([from, clock.now()]);
      }
      await scheduler.ended();
      for (const when of expressions) await check(jobs, when, awake);
    }),
    { numRuns: 12 },
  );
});

const nameOf = (when: string): string => `at-${when.replaceAll(/[^\d]/gu, '-')}`;

async function check(
  jobs: ScheduledJobs,
  when: string,
  awake: readonly (readonly [from: number, until: number])[],
): Promise<void> {
  const runs = await jobs.runs(nameOf(when));
  const wanted = runs.map(({ scheduledFor }) => scheduledFor!);
  assert.equal(new Set(wanted).size, wanted.length, 'nothing runs twice');
  assert.deepEqual(
    wanted,
    wanted.toSorted((left, right) => left - right),
  );
  for (const [index, [from, until]] of awake.entries()) {
    const within = runs.filter(({ queuedAt }) => queuedAt >= from && queuedAt <= until);
    const made = within.filter(({ trigger }) => trigger === 'catch-up');
    assert.ok(made.length <= 1, 'at most one run makes up');
    const due = duesBetween(when, from + settling, until);
    const onTime = within.filter(({ queuedAt }) => queuedAt > from + settling);
    assert.deepEqual(
      onTime.map(({ queuedAt, trigger }) => [queuedAt, trigger]),
      due.map((time) => [time, 'schedule']),
      'on time while it works',
    );
    const before = awake[index - 1]?.[1];
    if (before === undefined || until - from <= settling) continue;
    // What was due a minute before it woke, and not dealt with by an earlier run, was missed.
    const missed = duesBetween(when, before, from - 2 * minute);
    if (missed.length === 0) continue;
    const making = within.filter(({ scheduledFor }) => scheduledFor! <= from);
    assert.deepEqual(
      making.map(({ trigger }) => trigger),
      ['catch-up'],
      'one run for all that was missed',
    );
    assert.ok(making[0]!.queuedAt >= from + 2 * minute, 'not at once');
  }
}

function duesBetween(when: string, after: number, until: number): number[] {
  const expression = parseCron(when);
  const found: number[] = [];
  let time = nextCronTime(expression, 'UTC', after);
  while (time !== undefined && time <= until) {
    found.push(time);
    time = nextCronTime(expression, 'UTC', time);
  }
  return found;
}
