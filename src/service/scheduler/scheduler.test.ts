import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { configurationOf, jobsOf, ScheduledJobs } from '#test/support/scheduled-jobs.ts';
import { SteeredClock } from '#test/support/steered-clock.ts';

import type { ScheduleStore } from '../../catalog/catalog.ts';

const hour = 3_600_000;
const at = (month: number, date: number, hours = 0, minutes = 0, year = 2026): number =>
  Date.UTC(year, month - 1, date, hours, minutes);

describe('the scheduler', () => {
  test('queues runs when they are due, with what the job excludes', async () => {
    const clock = new SteeredClock(at(6, 1, 0, 30));
    await using jobs = await ScheduledJobs.open(
      clock,
      configurationOf(jobsOf({ daily: '0 2 * * *', hourly: '@hourly', never: 'manual' })),
    );
    const scheduler = await jobs.start();
    assert.deepEqual(
      scheduler.upcoming(5).map(({ entry, at: time }) => [entry, time]),
      [
        ['hourly/commands/1', at(6, 1, 1)],
        ['daily/commands/1', at(6, 1, 2)],
      ],
    );
    assert.equal(scheduler.nextRunOf('daily'), at(6, 1, 2));
    assert.equal(scheduler.nextRunOf('never'), undefined);
    await jobs.passUntil(at(6, 1, 3, 30));
    assert.deepEqual(await jobs.queued('hourly'), [
      '06-01 01:00 schedule',
      '06-01 02:00 schedule',
      '06-01 03:00 schedule',
    ]);
    const [daily] = await jobs.runs('daily');
    assert.deepEqual(
      [daily?.activity, daily?.scheduledFor, daily?.keys, daily?.priority],
      ['commands', at(6, 1, 2), ['job:daily'], 0],
    );
    await scheduler.ended();
  });

  test('queues what is due at one time in the order of names', async () => {
    const clock = new SteeredClock(at(6, 1));
    const names = ['d', 'b', 'e', 'a', 'f', 'c', 'g'];
    await using jobs = await ScheduledJobs.open(
      clock,
      configurationOf(jobsOf(Object.fromEntries(names.map((name) => [name, '@hourly'])))),
    );
    const scheduler = await jobs.start();
    await jobs.passUntil(at(6, 1, 2, 30));
    const runs = (await Promise.all(names.map((name) => jobs.runs(name)))).flat();
    const order = runs.toSorted((one, other) => (one.id < other.id ? -1 : 1)).map(({ job }) => job);
    assert.equal(order.join(''), 'abcdefgabcdefg');
    await scheduler.ended();
  });

  test('goes on where it was when it starts again', async () => {
    const clock = new SteeredClock(at(6, 1));
    await using jobs = await ScheduledJobs.open(clock, configurationOf(jobsOf({ a: '@every 6h' })));
    const first = await jobs.start();
    await jobs.passUntil(at(6, 1, 7));
    await first.ended();
    await jobs.passUntil(at(6, 1, 8));
    const second = await jobs.start();
    await jobs.passUntil(at(6, 1, 13));
    assert.deepEqual(await jobs.queued(), ['06-01 06:00 schedule', '06-01 12:00 schedule']);
    await second.ended();
  });

  test('a job that is new considers from now on', async () => {
    const clock = new SteeredClock(at(6, 1, 12));
    await using jobs = await ScheduledJobs.open(clock, configurationOf(jobsOf({ a: 'daily' })));
    const scheduler = await jobs.start();
    await jobs.passUntil(at(6, 1, 13));
    await jobs.configure(configurationOf(jobsOf({ a: 'daily', b: '0 12 * * *' })));
    await scheduler.refresh();
    await jobs.passUntil(at(6, 2, 11));
    assert.deepEqual(await jobs.queued(), ['06-02 00:00 schedule']);
    await jobs.passUntil(at(6, 2, 13));
    assert.deepEqual(await jobs.queued('b'), ['06-02 12:00 schedule']);
    await scheduler.ended();
  });

  test('a schedule that was changed does not fire for the past', async () => {
    const clock = new SteeredClock(at(6, 1, 12));
    await using jobs = await ScheduledJobs.open(
      clock,
      configurationOf(jobsOf({ a: '0 18 * * *' })),
    );
    const scheduler = await jobs.start();
    await jobs.passUntil(at(6, 1, 16));
    await jobs.configure(configurationOf(jobsOf({ a: '0 15 * * *' })));
    await scheduler.refresh();
    await jobs.passUntil(at(6, 2, 14));
    assert.deepEqual(await jobs.queued(), []);
    await scheduler.ended();
    // Nor if it was changed while no scheduler ran, by a new meaning of a name it uses or by its time zone.
    for (const [hours, periodicities, timeZone] of [
      [16, { nightly: '30 15 * * *' }, 'UTC'],
      [18, { nightly: '30 17 * * *' }, 'UTC'],
      [20, { nightly: '30 17 * * *' }, 'America/New_York'],
    ] as const) {
      await jobs.configure(
        configurationOf(jobsOf({ a: 'nightly' }), { periodicities, settings: { timeZone } }),
      );
      await jobs.passUntil(at(6, 2, hours));
      const again = await jobs.start();
      await jobs.pass(10 * 60_000);
      await again.ended();
    }
    assert.deepEqual(await jobs.queued(), []);
    // And it is still the past that counts for one that was not changed.
    await jobs.passUntil(at(6, 3, 9));
    const again = await jobs.start();
    await jobs.pass(10 * 60_000);
    assert.deepEqual(await jobs.queued(), ['06-03 09:02 catch-up']);
    await again.ended();
  });

  test('a configuration with a broken schedule leaves the working one as it was', async () => {
    const clock = new SteeredClock(at(6, 1, 12));
    await using jobs = await ScheduledJobs.open(clock, configurationOf(jobsOf({ a: '@hourly' })));
    const scheduler = await jobs.start();
    await jobs.configure(configurationOf(jobsOf({ a: 'daily', b: '* * * *' })));
    await assert.rejects(scheduler.refresh(), /schedule of the job "b" cannot be read.*4 fields/u);
    await jobs.passUntil(at(6, 1, 14, 30));
    assert.deepEqual(await jobs.queued(), ['06-01 13:00 schedule', '06-01 14:00 schedule']);
    await jobs.configure(configurationOf(jobsOf({ a: 'daily', b: '*/5 * * * *' })));
    await scheduler.refresh();
    assert.equal(scheduler.nextRunOf('a'), at(6, 2));
    await scheduler.ended();
  });

  test('notices that another process has changed the configuration', async () => {
    const clock = new SteeredClock(at(6, 1, 12));
    await using jobs = await ScheduledJobs.open(clock, configurationOf(jobsOf({ a: 'daily' })));
    const scheduler = await jobs.start();
    await jobs.configure(configurationOf(jobsOf({ a: '@hourly' })));
    await jobs.passUntil(at(6, 1, 13, 30));
    assert.deepEqual(await jobs.queued(), ['06-01 13:00 schedule']);
    await jobs.configure(configurationOf([]));
    await jobs.passUntil(at(6, 1, 15, 30));
    assert.equal((await jobs.queued()).length, 1);
    assert.equal((await jobs.catalog.schedules.list()).size, 0);
    await scheduler.ended();
  });

  test('a job that was off for a time makes up for nothing', async () => {
    const clock = new SteeredClock(at(6, 1, 12));
    const [job] = jobsOf({ a: 'daily' });
    await using jobs = await ScheduledJobs.open(clock, configurationOf([job!]));
    const scheduler = await jobs.start();
    await jobs.configure(configurationOf([{ ...job!, enabled: false }]));
    await jobs.passUntil(at(6, 5, 12));
    await jobs.configure(configurationOf([job!]));
    await jobs.passUntil(at(6, 6, 12));
    assert.deepEqual(await jobs.queued(), ['06-06 00:00 schedule']);
    await scheduler.ended();
  });

  test('leaves out as many runs as it was told to', async () => {
    const clock = new SteeredClock(at(6, 1, 12));
    await using jobs = await ScheduledJobs.open(clock, configurationOf(jobsOf({ a: 'daily' })));
    const scheduler = await jobs.start();
    // It learns that when it is about to queue the run.
    await jobs.catalog.schedules.skipNext('a/commands/1', 1);
    await jobs.passUntil(at(6, 2, 12));
    await jobs.catalog.schedules.skipNext('a/commands/1', 1);
    await scheduler.refresh();
    assert.equal(scheduler.nextRunOf('a'), at(6, 4));
    assert.equal(scheduler.upcoming(1)[0]?.isLeftOut, true);
    await jobs.passUntil(at(6, 4, 12));
    assert.deepEqual(await jobs.queued(), ['06-04 00:00 schedule']);
    await scheduler.ended();
  });

  test('keeps the minimum gap, also after a run by hand', async () => {
    const clock = new SteeredClock(at(6, 1, 12, 30));
    await using jobs = await ScheduledJobs.open(
      clock,
      configurationOf(jobsOf({ a: { when: '@hourly', minimumGap: '90m' } })),
    );
    const scheduler = await jobs.start();
    await jobs.catalog.queue.add(
      { job: 'a', activity: 'commands', trigger: 'manual', priority: 50, keys: [] },
      clock.now(),
    );
    await jobs.passUntil(at(6, 1, 17, 30));
    assert.deepEqual(await jobs.queued(), [
      '06-01 12:30 manual',
      '06-01 14:00 schedule',
      '06-01 15:30 schedule',
      '06-01 17:00 schedule',
    ]);
    await scheduler.ended();
  });

  test('the minimum gap is not counted from a run that a clock which was wrong put into the future', async () => {
    const clock = new SteeredClock(at(6, 1, 12, 30, 2030));
    await using jobs = await ScheduledJobs.open(
      clock,
      configurationOf(jobsOf({ a: { when: '@hourly', minimumGap: '90m' } })),
    );
    const scheduler = await jobs.start();
    await jobs.passUntil(at(6, 1, 13, 30, 2030));
    clock.set(at(6, 1, 12, 30));
    await jobs.passUntil(at(6, 1, 13, 30));
    const times = (await jobs.runs()).map(({ queuedAt }) => queuedAt);
    assert.deepEqual(
      times.sort((left, right) => left - right),
      [at(6, 1, 13), at(6, 1, 13, 0, 2030)],
    );
    await scheduler.ended();
  });

  test('takes a change over at once, also while it sleeps', async () => {
    const clock = new SteeredClock(at(6, 1, 12));
    await using jobs = await ScheduledJobs.open(clock, configurationOf(jobsOf({ a: 'daily' })));
    const scheduler = await jobs.start({ longestSleep: 24 * hour });
    await jobs.configure(configurationOf(jobsOf({ a: '*/5 * * * *' })));
    await scheduler.refresh();
    await jobs.pass(6 * 60_000);
    assert.deepEqual(await jobs.queued(), ['06-01 12:05 schedule']);
    await scheduler.ended();
  });

  test('what is due in a blackout window runs once when it ends', async () => {
    const clock = new SteeredClock(at(6, 1, 0, 30));
    await using jobs = await ScheduledJobs.open(
      clock,
      configurationOf(jobsOf({ a: '@hourly' }), {
        settings: { timeZone: 'UTC', blackout: [{ from: '02:00', until: '05:20' }] },
      }),
    );
    const scheduler = await jobs.start();
    await jobs.passUntil(at(6, 1, 6, 30));
    assert.deepEqual(await jobs.queued(), [
      '06-01 01:00 schedule',
      '06-01 05:20 schedule',
      '06-01 06:00 schedule',
    ]);
    await scheduler.ended();
  });

  test('jitter comes equally late each time and never moves a run past the next one', async () => {
    const clock = new SteeredClock(at(6, 1, 0, 30));
    await using jobs = await ScheduledJobs.open(
      clock,
      configurationOf(jobsOf({ a: { when: '@hourly', jitter: '3h' } })),
    );
    const scheduler = await jobs.start();
    await jobs.passUntil(at(6, 1, 6, 30));
    const late = (await jobs.runs()).map((run) => run.queuedAt - run.scheduledFor!);
    assert.equal(late.length, 6 - (late[0]! > 30 * 60_000 ? 1 : 0));
    assert.equal(new Set(late).size, 1);
    assert.ok(late[0]! > 0 && late[0]! < hour, String(late[0]));
    await scheduler.ended();
  });

  test('goes on after the catalog could not be reached', async () => {
    const clock = new SteeredClock(at(6, 1, 0, 30));
    await using jobs = await ScheduledJobs.open(clock, configurationOf(jobsOf({ a: '@hourly' })));
    let isDown = false;
    const { catalog } = jobs;
    const scheduler = await jobs.start({
      catalog: {
        ...catalog,
        configuration: catalog.configuration,
        runs: catalog.runs,
        notes: catalog.notes,
        schedules: {
          list: (options) => catalog.schedules.list(options),
          begin: (...given) => catalog.schedules.begin(...given),
          skipNext: (...given) => catalog.schedules.skipNext(...given),
          forget: (...given) => catalog.schedules.forget(...given),
          async claim(...given) {
            const id = await catalog.schedules.claim(...given);
            // What was done is done: only nobody heard of it.
            if (isDown) throw new Error('The connection broke off');
            return id;
          },
        },
      },
    });
    isDown = true;
    await jobs.passUntil(at(6, 1, 1, 20));
    isDown = false;
    await jobs.passUntil(at(6, 1, 2, 20));
    assert.deepEqual(await jobs.queued(), ['06-01 01:00 schedule', '06-01 02:00 schedule']);
    assert.ok(jobs.lines.some(({ message }) => message.includes('The connection broke off')));
    await scheduler.ended();
  });

  test('loses no entry if the catalog fails after another instance was sooner with one', async () => {
    const clock = new SteeredClock(at(6, 1, 0, 30));
    await using jobs = await ScheduledJobs.open(
      clock,
      configurationOf(jobsOf({ a: '@hourly', b: '@hourly' })),
    );
    let isDown = true;
    const { catalog } = jobs;
    const schedules: ScheduleStore = {
      list: (options) => catalog.schedules.list(options),
      begin: (...given) => catalog.schedules.begin(...given),
      skipNext: (...given) => catalog.schedules.skipNext(...given),
      forget: (...given) => catalog.schedules.forget(...given),
      async claim(from, ...given) {
        if (!isDown) return catalog.schedules.claim(from, ...given);
        if (from.entry.startsWith('b')) throw new Error('The connection broke off');
        await catalog.schedules.claim(from, ...given);
        return undefined;
      },
    };
    const { configuration, runs, notes } = catalog;
    const scheduler = await jobs.start({ catalog: { configuration, runs, notes, schedules } });
    assert.equal(scheduler.standstill, undefined);
    await jobs.passUntil(at(6, 1, 1, 0) + 500);
    assert.equal(scheduler.standstill, 'The connection broke off');
    isDown = false;
    await jobs.passUntil(at(6, 1, 2, 30));
    assert.equal(scheduler.standstill, undefined);
    for (const job of ['a', 'b'])
      assert.deepEqual(await jobs.queued(job), ['06-01 01:00 schedule', '06-01 02:00 schedule']);
    await scheduler.ended();
  });

  test('two instances queue each run once', async () => {
    const clock = new SteeredClock(at(6, 1, 0, 30));
    const names = Array.from({ length: 20 }, (_, index) => [`job-${index}`, '*/20 * * * *']);
    await using jobs = await ScheduledJobs.open(
      clock,
      configurationOf(jobsOf(Object.fromEntries(names) as Record<string, string>)),
    );
    const one = await jobs.start();
    const other = await jobs.start();
    await jobs.passUntil(at(6, 1, 2, 30));
    await one.ended();
    await jobs.passUntil(at(6, 1, 3, 30));
    const runs = await jobs.runs();
    assert.equal(runs.length, 20 * 9);
    assert.equal(new Set(runs.map((run) => `${run.job} ${run.scheduledFor}`)).size, runs.length);
    assert.ok(runs.every(({ trigger }) => trigger === 'schedule'));
    await other.ended();
  });

  test('ends at once when it is disposed of', async () => {
    const clock = new SteeredClock(at(6, 1));
    await using jobs = await ScheduledJobs.open(clock, configurationOf(jobsOf({ a: 'daily' })));
    {
      await using _scheduler = await jobs.start();
      assert.equal(clock.sleeping, 1);
    }
    assert.equal(clock.sleeping, 0);
  });
});
