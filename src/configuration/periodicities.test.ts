import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { hasCode } from '../base/errors.ts';
import type { Configuration } from '../model/configuration.ts';
import type { Job } from '../model/job.ts';
import type { JobSchedule } from '../model/job-schedule.ts';
import { checkSchedules, scheduledEntries, scheduleProblems } from './periodicities.ts';

const backup = (name: string, more: Partial<Extract<Job, { kind: 'backup' }>>): Job => ({
  kind: 'backup',
  name,
  destinations: [],
  ...more,
});

const configuration = (
  jobs: readonly Job[],
  periodicities: Readonly<Record<string, JobSchedule>> = {},
): Configuration => ({
  jobs,
  destinations: {},
  channels: {},
  periodicities,
  settings: { timeZone: 'Asia/Tokyo', blackout: [{ from: '08:00', until: '09:00' }] },
});

describe('what jobs want to run by themselves', () => {
  test('are entries with everything put in, of enabled jobs that do not run by hand only', () => {
    const { entries, problems } = scheduledEntries(
      configuration(
        [
          backup('a', { schedule: ['nightly', 'manual'], check: { schedule: 'weekly' } }),
          backup('b', { schedule: 'daily', enabled: false }),
          backup('c', {}),
          { kind: 'task', name: 'd', steps: {}, schedule: { when: 'daily', timeZone: 'UTC' } },
        ],
        { nightly: '30 3 * * *' },
      ),
      'UTC',
    );
    assert.deepEqual(
      entries.map(({ entry, schedule }) => [entry, schedule.timeZone, schedule.expression?.text]),
      [
        ['a/backup/1', 'Asia/Tokyo', '30 3 * * *'],
        ['a/check/1', 'Asia/Tokyo', 'weekly'],
        ['d/task/1', 'UTC', 'daily'],
      ],
    );
    assert.ok(entries.every(({ schedule }) => schedule.blackout[0]?.timeZone === 'Asia/Tokyo'));
    assert.deepEqual(problems, []);
  });

  test('a schedule that cannot be read is told with its job, and harms no other', () => {
    const { entries, problems } = scheduledEntries(
      configuration([
        backup('a', { schedule: '* * * *', drill: { schedule: 'dayly' } }),
        backup('b', { schedule: 'daily' }),
      ]),
      'UTC',
    );
    assert.deepEqual(
      entries.map(({ entry }) => entry),
      ['b/backup/1'],
    );
    assert.deepEqual(
      problems.map(({ message }) => message),
      [
        'The schedule of the job "a" cannot be read: "* * * *" is not a schedule: it has 4 fields, a cron expression has 5',
        'The schedule of the job "a" for its drill cannot be read: There is no periodicity "dayly"',
      ],
    );
    assert.equal(problems[1]?.hint, 'Did you mean "daily"?');
  });
});

describe('checkSchedules()', () => {
  const refused = (given: Configuration, message: RegExp): void =>
    assert.throws(
      () => checkSchedules(given, 'UTC'),
      (error) => hasCode(error, 'input/invalid') && message.test(error.message),
    );

  test('looks at disabled jobs and at periodicities that nobody uses', () => {
    refused(
      configuration([backup('a', { schedule: '* * * *', enabled: false })]),
      /^The schedule of the job "a" cannot be read: /u,
    );
    refused(
      configuration([], { nightly: '99 3 * * *' }),
      /^The periodicity "nightly" cannot be read: .*minute "99"/u,
    );
    checkSchedules(configuration([backup('a', { schedule: 'late' })], { late: 'daily' }), 'UTC');
  });
});

describe('scheduleProblems()', () => {
  test('tells where each of them is written', () => {
    const found = scheduleProblems({
      jobs: [
        backup('a', { schedule: '* * * *', check: { schedule: 'dayly' }, enabled: false }),
        backup('b', { schedule: ['daily', { when: 'weekly', timeZone: 'Mars/Olympus' }] }),
        backup('c', { schedule: 'daily' }),
      ],
      periodicities: { nightly: '99 3 * * *', late: 'weekly' },
      settings: { timeZone: 'Europe/Berln', blackout: [{ from: '8', until: '9:00' }] },
    });
    assert.deepEqual(
      found.map(({ path }) => path),
      [
        ['settings', 'timeZone'],
        ['settings', 'blackout'],
        ['periodicities', 'nightly'],
        ['jobs', 'a', 'schedule'],
        ['jobs', 'a', 'check', 'schedule'],
        ['jobs', 'b', 'schedule', 1],
      ],
    );
    assert.equal(
      found[3]?.message,
      '"* * * *" is not a schedule: it has 4 fields, a cron expression has 5',
    );
    assert.equal(found[4]?.message, 'There is no periodicity "dayly"; did you mean "daily"?');
  });

  test('nothing is wrong with what can be read', () => {
    assert.deepEqual(scheduleProblems(configuration([backup('a', { schedule: 'daily' })])), []);
  });
});
