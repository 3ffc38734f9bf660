import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { configurationOf, jobsOf, ScheduledJobs } from '#test/support/scheduled-jobs.ts';
import { SteeredClock } from '#test/support/steered-clock.ts';

import type { DetailedSchedule } from '../../model/job-schedule.ts';

const minute = 60_000;
const hour = 60 * minute;
const at = (month: number, date: number, hours = 0, minutes = 0): number =>
  Date.UTC(2026, month - 1, date, hours, minutes);

async function open(clock: SteeredClock, schedules: Parameters<typeof jobsOf>[0]) {
  return ScheduledJobs.open(clock, configurationOf(jobsOf(schedules)));
}

describe('runs that were missed', () => {
  test('while the machine slept are made up for by one, a while after it woke', async () => {
    const clock = new SteeredClock(at(6, 1, 0, 30));
    await using jobs = await open(clock, { a: '@hourly' });
    const scheduler = await jobs.start();
    await jobs.passUntil(at(6, 1, 1, 30));
    clock.suspend(10 * hour);
    await jobs.passUntil(at(6, 1, 13, 30));
    const queued = await jobs.queued();
    assert.match(queued[1]!, /^06-01 11:(?:3[2-9]|4[0-3]) catch-up$/u);
    assert.deepEqual(queued.toSpliced(1, 1), [
      '06-01 01:00 schedule',
      '06-01 12:00 schedule',
      '06-01 13:00 schedule',
    ]);
    assert.equal((await jobs.runs())[1]?.scheduledFor, at(6, 1, 2));
    await scheduler.ended();
  });

  test('while it slept are noticed also where the other clock goes on in sleep', async () => {
    const clock = new SteeredClock(at(6, 1, 0, 30));
    await using jobs = await open(clock, { a: 'daily' });
    const scheduler = await jobs.start();
    clock.suspendWithBothClocks(30 * hour);
    await jobs.passUntil(at(6, 2, 6, 40));
    assert.deepEqual(await jobs.queued(), ['06-02 06:32 catch-up']);
    await scheduler.ended();
  });

  test('while no service ran are made up for by one', async () => {
    const clock = new SteeredClock(at(6, 1));
    await using jobs = await open(clock, {
      a: { when: 'daily', catchUpDelay: '10m' },
      b: '@every 6h',
      c: '0 12 * * *',
    });
    const first = await jobs.start();
    await jobs.passUntil(at(6, 1, 1));
    await first.ended();
    await jobs.passUntil(at(6, 11, 5));
    const second = await jobs.start();
    await jobs.passUntil(at(6, 12, 1));
    assert.deepEqual(await jobs.queued('a'), ['06-11 05:10 catch-up', '06-12 00:00 schedule']);
    // What comes at intervals goes on from the one that made up.
    assert.deepEqual(await jobs.queued('b'), [
      '06-11 05:02 catch-up',
      '06-11 11:02 schedule',
      '06-11 17:02 schedule',
      '06-11 23:02 schedule',
    ]);
    assert.deepEqual(await jobs.queued('c'), ['06-11 05:02 catch-up', '06-11 12:00 schedule']);
    await second.ended();
  });

  test('are made up for once by two instances', async () => {
    const clock = new SteeredClock(at(6, 1, 1));
    await using jobs = await open(clock, { a: 'daily', b: '@every 2h' });
    const before = await jobs.start();
    await before.ended();
    await jobs.passUntil(at(6, 4, 12));
    const one = await jobs.start();
    const other = await jobs.start();
    await jobs.passUntil(at(6, 4, 13));
    assert.deepEqual(await jobs.queued(), ['06-04 12:02 catch-up', '06-04 12:02 catch-up']);
    assert.deepEqual((await jobs.runs()).map(({ job }) => job).sort(), ['a', 'b']);
    await one.ended();
    await other.ended();
  });

  test('by an instance that sleeps are done in time by one that does not', async () => {
    const clock = new SteeredClock(at(6, 1, 1));
    await using jobs = await open(clock, { a: '@hourly' });
    const awake = await jobs.start();
    await jobs.passUntil(at(6, 1, 4, 30));
    // It starts long after the times, and finds all done.
    const late = await jobs.start();
    await jobs.passUntil(at(6, 1, 5, 30));
    assert.deepEqual(
      await jobs.queued(),
      [2, 3, 4, 5].map((hours) => `06-01 0${hours}:00 schedule`),
    );
    await awake.ended();
    await late.ended();
  });

  test('of several schedules of one job are made up for by one run', async () => {
    const clock = new SteeredClock(at(6, 1, 1));
    await using jobs = await open(clock, { a: ['daily', '0 3 * * *', '30 4 * * *'] });
    await (await jobs.start()).ended();
    await jobs.passUntil(at(6, 3, 12));
    const scheduler = await jobs.start();
    await jobs.passUntil(at(6, 4, 3, 30));
    assert.deepEqual(await jobs.queued(), [
      '06-03 12:02 catch-up',
      '06-04 00:00 schedule',
      '06-04 03:00 schedule',
    ]);
    await scheduler.ended();
  });

  test('are made up for after a death between waking and the run, still once', async () => {
    const clock = new SteeredClock(at(6, 1, 1));
    await using jobs = await open(clock, { a: 'daily' });
    await (await jobs.start()).ended();
    await jobs.passUntil(at(6, 3, 12));
    for (const minutes of [0, 30]) {
      const scheduler = await jobs.start();
      await jobs.passUntil(at(6, 3, 12, minutes + 1));
      await scheduler.ended();
      await jobs.passUntil(at(6, 3, 12, minutes + 30));
    }
    assert.deepEqual(await jobs.queued(), []);
    for (const _ of [1, 2]) {
      const scheduler = await jobs.start();
      await jobs.pass(20 * minute);
      await scheduler.ended();
    }
    assert.deepEqual(await jobs.queued(), ['06-03 13:02 catch-up']);
  });

  test('by some seconds are late rather than missed', async () => {
    const clock = new SteeredClock(at(6, 1, 0, 59));
    await using jobs = await open(clock, { a: { when: '@hourly', missed: 'skip' } });
    const scheduler = await jobs.start();
    clock.suspend(40_000);
    await jobs.passUntil(at(6, 1, 1, 20));
    assert.equal((await jobs.queued()).length, 1);
    assert.match((await jobs.queued())[0]!, /schedule$/u);
    await scheduler.ended();
  });

  test('are not made up for within a blackout window', async () => {
    const clock = new SteeredClock(at(6, 1, 1));
    await using jobs = await open(clock, {
      a: { when: 'daily', blackout: [{ from: '08:00', until: '18:00' }] },
    });
    await (await jobs.start()).ended();
    await jobs.passUntil(at(6, 3, 12));
    const scheduler = await jobs.start();
    assert.equal(scheduler.upcoming(1)[0]?.at, at(6, 3, 18));
    await jobs.passUntil(at(6, 3, 20));
    assert.deepEqual(await jobs.queued(), ['06-03 18:00 catch-up']);
    await scheduler.ended();
  });

  test('that were to be left out are left out', async () => {
    const clock = new SteeredClock(at(6, 1, 1));
    await using jobs = await open(clock, { a: 'daily' });
    await (await jobs.start()).ended();
    await jobs.catalog.schedules.skipNext('a/commands/1', 1);
    await jobs.passUntil(at(6, 3, 12));
    const scheduler = await jobs.start();
    await jobs.passUntil(at(6, 4, 12));
    assert.deepEqual(await jobs.queued(), ['06-04 00:00 schedule']);
    await scheduler.ended();
  });
});

describe('the policy for missed runs', () => {
  async function queuedWith(
    missed: NonNullable<DetailedSchedule['missed']>,
    prepare: (jobs: ScheduledJobs) => Promise<void> | void,
  ): Promise<string[]> {
    const clock = new SteeredClock(at(6, 1, 1));
    await using jobs = await ScheduledJobs.open(
      clock,
      configurationOf(
        jobsOf({ a: { when: 'daily', missed }, b: 'manual' }).map((job) => ({
          ...job,
          queue: 'disk',
        })),
      ),
    );
    await (await jobs.start()).ended();
    await jobs.passUntil(at(6, 3, 12));
    await prepare(jobs);
    const scheduler = await jobs.start();
    await jobs.passUntil(at(6, 4, 1));
    await scheduler.ended();
    return (await jobs.queued('a')).filter((line) => !line.endsWith('manual'));
  }
  const both = ['06-03 12:02 catch-up', '06-04 00:00 schedule'];
  const later = ['06-04 00:00 schedule'];
  const add = async (jobs: ScheduledJobs, job: string, keys: string[], isRunning: boolean) => {
    const now = jobs.clock.now();
    await jobs.catalog.queue.add(
      { job, activity: 'commands', trigger: 'manual', priority: 50, keys },
      now,
    );
    const worker = { id: 'w', host: 'h', pid: 1, bootId: 'b', startTicks: 1 };
    if (isRunning) await jobs.catalog.queue.claim(worker, now);
  };

  test('run-once', async () =>
    assert.deepEqual(await queuedWith('run-once', () => undefined), both));

  test('skip', async () => assert.deepEqual(await queuedWith('skip', () => undefined), later));

  test('skip-if-running', async () => {
    assert.deepEqual(
      await queuedWith('skip-if-running', (jobs) => add(jobs, 'a', ['job:a'], true)),
      later,
    );
    assert.deepEqual(
      await queuedWith('skip-if-running', (jobs) => add(jobs, 'b', ['job:b', 'queue:disk'], true)),
      both,
    );
  });

  test('skip-if-busy', async () => {
    assert.deepEqual(
      await queuedWith('skip-if-busy', (jobs) => add(jobs, 'b', ['job:b', 'queue:disk'], false)),
      later,
    );
    assert.deepEqual(
      await queuedWith('skip-if-busy', (jobs) => add(jobs, 'b', ['job:b'], true)),
      both,
    );
  });

  test('skip-if-offline', async () => {
    assert.deepEqual(
      await queuedWith('skip-if-offline', (jobs) => void (jobs.isOnline = false)),
      later,
    );
    assert.deepEqual(await queuedWith('skip-if-offline', () => undefined), both);
  });
});

describe('a clock that jumps', () => {
  test('forward makes up for what was jumped over, once', async () => {
    const clock = new SteeredClock(at(6, 1, 0, 30));
    await using jobs = await open(clock, { daily: '0 2 * * *', hourly: '@hourly' });
    const scheduler = await jobs.start();
    clock.set(at(6, 1, 9, 30));
    await jobs.passUntil(at(6, 1, 10, 30));
    assert.equal((await jobs.queued('daily')).length, 1);
    assert.deepEqual(
      (await jobs.queued('hourly')).map((line) => line.replace(/^.* /u, '')),
      ['catch-up', 'schedule'],
    );
    await scheduler.ended();
  });

  test('back by an hour repeats nothing of what runs at fixed hours; intervals go on', async () => {
    const clock = new SteeredClock(at(6, 1, 1, 30));
    await using jobs = await open(clock, {
      daily: '0 2 * * *',
      hourly: '@hourly',
      every: '@every 30m',
    });
    const scheduler = await jobs.start();
    await jobs.passUntil(at(6, 1, 2, 20));
    clock.set(at(6, 1, 1, 20));
    await jobs.passUntil(at(6, 2, 1, 50));
    assert.deepEqual(await jobs.queued('daily'), ['06-01 02:00 schedule']);
    assert.deepEqual((await jobs.queued('hourly')).slice(0, 3), [
      '06-01 02:00 schedule',
      '06-01 02:00 schedule',
      '06-01 03:00 schedule',
    ]);
    assert.equal((await jobs.queued('hourly')).length, 25);
    const every = (await jobs.runs('every')).map(({ queuedAt }) => queuedAt);
    assert.equal(every[0], at(6, 1, 2));
    // It has noticed the jump within its longest sleep, and counts from there.
    assert.ok(
      every[1]! >= at(6, 1, 1, 50) && every[1]! <= at(6, 1, 2),
      new Date(every[1]!).toISOString(),
    );
    await scheduler.ended();
  });

  test('back by a year does not silence the jobs for a year', async () => {
    const clock = new SteeredClock(Date.UTC(2027, 5, 1, 1));
    await using jobs = await open(clock, { daily: '0 2 * * *' });
    const scheduler = await jobs.start();
    await jobs.passUntil(Date.UTC(2027, 5, 1, 3));
    clock.set(at(6, 1, 1));
    await jobs.passUntil(at(6, 2, 3));
    const times = (await jobs.runs()).map(({ queuedAt }) => queuedAt);
    assert.deepEqual(
      times.sort((left, right) => left - right),
      [at(6, 1, 2), at(6, 2, 2), Date.UTC(2027, 5, 1, 2)],
    );
    await scheduler.ended();
  });

  test('by seconds, back and forth, neither repeats nor loses anything', async () => {
    const clock = new SteeredClock(at(6, 1, 0, 30));
    await using jobs = await open(clock, { a: '*/10 * * * *' });
    const scheduler = await jobs.start({ longestSleep: 30_000 });
    for (let step = 0; step < 60; step++) {
      await jobs.pass(3 * minute);
      clock.set(clock.now() + (step % 2 === 0 ? -40_000 : 40_000));
    }
    const runs = await jobs.runs();
    const wanted = Array.from({ length: 18 }, (_, index) => at(6, 1, 0, 40 + 10 * index));
    assert.deepEqual(
      runs.map(({ scheduledFor }) => scheduledFor).slice(0, 17),
      wanted.slice(0, 17),
    );
    await scheduler.ended();
  });
});
