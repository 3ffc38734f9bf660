import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { BackupJob, Job } from '../../model/job.ts';
import type { ScheduleState } from '../../catalog/catalog.ts';
import { catalogOfRuns } from '#test/support/catalog-of-runs.ts';
import { FakeClock } from '#test/support/fake-clock.ts';
import { JobStatuses } from './job-statuses.ts';
import { ScheduleOutlook } from './schedule-outlook.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOON = Date.UTC(2026, 10, 21, 12);

const job: BackupJob = {
  kind: 'backup',
  name: 'documents',
  sources: ['/home'],
  destinations: [{ url: 'file:///backups' }],
  schedule: 'daily',
};

describe('what follows from schedules', () => {
  const outlookOf = (...jobs: readonly Job[]): ScheduleOutlook =>
    new ScheduleOutlook(
      {
        jobs,
        destinations: {},
        channels: {},
        periodicities: { nightly: '30 3 * * *' },
        settings: {},
      },
      'UTC',
      'host',
    );
  const state = (entry: string, more: Partial<ScheduleState> = {}) =>
    new Map([[entry, { entry, consideredUntil: NOON - HOUR, skipNext: 0, ...more }]]);
  const none = new Map<string, ScheduleState>();

  test('the next run of what the job is for, and its period', () => {
    const nightly = { ...job, schedule: 'nightly', check: { schedule: 'hourly' } };
    const outlook = outlookOf(nightly);
    assert.equal(outlook.nextRunOf(nightly, none, NOON), NOON + 15.5 * HOUR);
    assert.equal(outlook.periodOf(nightly), DAY);
    const entries = outlook.upcoming(nightly, none, NOON, 2);
    assert.deepEqual(
      entries.map(({ entry, at }) => [entry.entry, at[0]]),
      [
        ['documents/backup/1', NOON + 15.5 * HOUR],
        ['documents/check/1', NOON + HOUR],
      ],
    );
  });

  test('of several schedules the first and the shortest count', () => {
    const both = { ...job, schedule: ['weekly', '0 18 * * *'] };
    const outlook = outlookOf(both);
    assert.equal(outlook.nextRunOf(both, none, NOON), NOON + 6 * HOUR);
    assert.equal(outlook.periodOf(both), DAY);
  });

  test('runs that are to be skipped are left out, those that are disabled too', () => {
    const outlook = outlookOf(job);
    const skipping = state('documents/backup/1', { skipNext: 2 });
    assert.equal(outlook.nextRunOf(job, skipping, NOON), NOON + 12 * HOUR + 2 * DAY);
    // What was reckoned once does not outlive its reason.
    assert.equal(outlook.nextRunOf(job, none, NOON), NOON + 12 * HOUR);
    assert.equal(outlook.nextRunOf(job, none, NOON + DAY), NOON + 12 * HOUR + DAY);
    const disabled = { ...job, enabled: false };
    assert.equal(outlookOf(disabled).nextRunOf(disabled, none, NOON), undefined);
    assert.equal(outlookOf(disabled).periodOf(disabled), undefined);
  });

  test('an interval is counted from the last run, and one that is overdue is now', () => {
    const often = { ...job, schedule: '@every 2h' };
    const outlook = outlookOf(often);
    assert.equal(outlook.nextRunOf(often, state('documents/backup/1'), NOON), NOON + HOUR);
    assert.equal(
      outlook.nextRunOf(often, state('documents/backup/1'), NOON + 5 * HOUR),
      NOON + 5 * HOUR,
    );
    assert.equal(outlook.periodOf(often), 2 * HOUR);
  });

  test('jitter belongs to the period', () => {
    const jittered = { ...job, schedule: { when: 'daily', jitter: '1h' } };
    assert.equal(outlookOf(jittered).periodOf(jittered), DAY + HOUR);
  });

  test('a schedule that makes no sense harms nobody else', () => {
    const broken = { ...job, name: 'broken', schedule: 'dayly' };
    const outlook = outlookOf(broken, job);
    assert.equal(outlook.nextRunOf(broken, none, NOON), undefined);
    assert.equal(outlook.nextRunOf(job, none, NOON), NOON + 12 * HOUR);
  });
});

test('all jobs stand as the catalog says, also after it has changed', async () => {
  const clock = new FakeClock(NOON);
  await using kept = await catalogOfRuns(clock);
  const { catalog } = kept;
  const statuses = new JobStatuses({ catalog, clock, timeZone: 'UTC', hostName: 'host' });
  assert.deepEqual(await statuses.read(), []);
  await kept.addJob({ ...job, name: 'b' });
  await kept.addJob({ ...job, name: 'a' });
  await kept.addRun('a', 'succeeded', NOON - 2 * HOUR);
  await kept.addRun('a', 'succeeded', NOON - HOUR, { activity: 'drill' });
  await kept.addRun('b', 'failed', NOON - HOUR);
  await kept.beginRun('b', NOON);
  const [a, b] = await statuses.read();
  assert.deepEqual(
    [a?.job, a?.verdict, a?.isRunning, a?.nextRun],
    ['a', 'ok', false, NOON + 12 * HOUR],
  );
  assert.equal(a?.lastProvenRestorable, NOON - HOUR);
  assert.deepEqual([b?.job, b?.verdict, b?.isRunning, b?.failuresInARow], ['b', 'failed', true, 1]);
  await kept.addJob({ ...job, name: 'a', enabled: false });
  assert.equal((await statuses.read())[0]?.verdict, 'disabled');
});
