import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { configurationOf, jobsOf, ScheduledJobs } from '#test/support/scheduled-jobs.ts';
import { SteeredClock } from '#test/support/steered-clock.ts';

import { localFields } from '../../base/time-zone.ts';
import type { DetailedSchedule } from '../../model/job-schedule.ts';

const day = 86_400_000;
const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'];

describe('24 months over the changes of the clocks, with a catalog', () => {
  test('every job runs exactly as often as it should', async () => {
    const begin = Date.UTC(2026, 0, 1, 0, 0, 30);
    const end = Date.UTC(2028, 0, 1, 0, 0, 30);
    const clock = new SteeredClock(begin);
    const schedules: Record<string, DetailedSchedule> = {};
    for (const timeZone of zones) {
      const name = timeZone.replace('/', '-');
      schedules[`${name}-at-0230`] = { when: '30 2 * * *', timeZone };
      schedules[`${name}-weekly`] = { when: '15 2 * * SUN', timeZone };
      schedules[`${name}-monthly`] = { when: 'monthly', timeZone, jitter: '20m' };
      schedules[`${name}-every`] = { when: '@every 1W', timeZone };
      schedules[`${name}-hours-of-sundays`] = { when: '0 1,2,3 * 3,4,10,11 SUN', timeZone };
    }
    await using jobs = await ScheduledJobs.open(clock, configurationOf(jobsOf(schedules)));
    const scheduler = await jobs.start({ longestSleep: 7 * day });
    await jobs.passUntil(end);
    await scheduler.ended();

    const runs = await jobs.runs();
    assert.ok(runs.every(({ trigger }) => trigger === 'schedule'));
    for (const timeZone of zones) {
      const name = timeZone.replace('/', '-');
      const datesOf = (job: string): string[] =>
        runs
          .filter((run) => run.job === `${name}-${job}`)
          .map(({ queuedAt }) => {
            const { year, month, day: date } = localFields(queuedAt, timeZone);
            return `${year}-${month}-${date}`;
          });
      const daily = datesOf('at-0230');
      assert.equal(new Set(daily).size, daily.length, 'never twice a day');
      assert.equal(daily.length, 730, timeZone);
      assert.equal(new Set(datesOf('weekly')).size, 104);
      assert.equal(datesOf('weekly').length, 104);
      assert.equal(datesOf('every').length, 104);
      assert.equal(datesOf('monthly').length, 24);
      // Where the hours 1 and 2 are put forward an hour, 2 and 3 o'clock are the same moment.
      const hours = datesOf('hours-of-sundays');
      const sundays = new Set(hours);
      const merged = timeZone === 'Australia/Lord_Howe' ? 0 : 2;
      assert.equal(hours.length, 3 * sundays.size - merged, timeZone);
    }
  });
});
