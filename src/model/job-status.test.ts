import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import type { ActivityHistory } from './activity-history.ts';
import type { Activity, BackupJob } from './job.ts';
import { allowedAge, jobStatus, type JobFacts } from './job-status.ts';
import type { Outcome, Run } from './run.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 21, 12);

const job: BackupJob = {
  kind: 'backup',
  name: 'documents',
  sources: ['/home'],
  destinations: [{ url: 'file:///backups' }],
  schedule: 'daily',
};

function run(state: Outcome, finishedAt: number, activity: Activity = 'backup'): Run {
  return {
    id: `r${finishedAt}`,
    job: 'documents',
    activity,
    trigger: 'schedule',
    queuedAt: finishedAt - 60_000,
    startedAt: finishedAt - 60_000,
    finishedAt,
    state,
    steps: [],
    priority: 0,
    keys: [],
  };
}

/** What a catalog makes of runs that ended in this order. */
function historyOf(...runs: readonly Run[]): ActivityHistory {
  const last = (states: readonly string[]): Run | undefined =>
    runs.findLast((one) => states.includes(one.state));
  const lastSuccess = last(['succeeded', 'warned']);
  const lastFailure = last(['failed', 'broken']);
  const after = runs.slice(lastSuccess === undefined ? 0 : runs.indexOf(lastSuccess) + 1);
  return {
    job: 'documents',
    activity: runs[0]?.activity ?? 'backup',
    ...(runs.length > 0 && { lastRun: runs.at(-1)! }),
    ...(lastSuccess !== undefined && { lastSuccess }),
    ...(lastFailure !== undefined && { lastFailure }),
    failuresInARow: after.filter((one) => one.state === 'failed' || one.state === 'broken').length,
  };
}

const stand = (histories: readonly ActivityHistory[], facts: Partial<JobFacts> = {}) =>
  jobStatus(job, { histories, now: NOW, period: DAY, watchedSince: NOW - HOUR, ...facts });

describe('the status of a job', () => {
  test('is that of its last run', () => {
    assert.equal(stand([historyOf(run('succeeded', NOW - HOUR))]).verdict, 'ok');
    assert.equal(stand([historyOf(run('warned', NOW - HOUR))]).verdict, 'warning');
    const failed = stand([historyOf(run('succeeded', NOW - 9 * HOUR), run('failed', NOW - HOUR))]);
    assert.equal(failed.verdict, 'failed');
    assert.equal(failed.failuresInARow, 1);
    assert.equal(failed.lastSuccess?.finishedAt, NOW - 9 * HOUR);
    assert.equal(stand([historyOf(run('broken', NOW - HOUR))]).verdict, 'failed');
  });

  test('stays as it is while a run is under way, is skipped or cancelled', () => {
    const failed = run('failed', NOW - 2 * HOUR);
    for (const state of ['skipped', 'cancelled'] as const)
      assert.equal(stand([historyOf(failed, run(state, NOW - HOUR))]).verdict, 'failed');
    const under = stand([historyOf(failed)], { isRunning: true });
    assert.equal(under.verdict, 'failed');
    assert.equal(under.isRunning, true);
    assert.equal(
      stand([historyOf(run('succeeded', NOW - HOUR))], { isRunning: true }).verdict,
      'ok',
    );
  });

  test('is not cleared by a success of another activity, nor harmed by its failure', () => {
    const failed = historyOf(run('failed', NOW - 2 * HOUR));
    const others = (['check', 'drill', 'retention', 'restore'] as const).map((activity) =>
      historyOf(run('succeeded', NOW - HOUR, activity)),
    );
    assert.equal(stand([failed, ...others]).verdict, 'failed');
    const good = historyOf(run('succeeded', NOW - 2 * HOUR));
    const bad = historyOf(run('failed', NOW - HOUR, 'check'));
    const status = stand([good, bad]);
    assert.equal(status.verdict, 'ok');
    assert.equal(status.activities.find(({ activity }) => activity === 'check')?.verdict, 'failed');
  });

  test('is late when no success came in time, also if there never was one', () => {
    const since = NOW - 30 * DAY;
    const ok = historyOf(run('succeeded', NOW - 26 * HOUR));
    assert.equal(stand([ok], { watchedSince: since }).verdict, 'ok');
    const old = historyOf(run('succeeded', NOW - 26 * HOUR - 1));
    const late = stand([old], { watchedSince: since });
    assert.equal(late.verdict, 'late');
    assert.equal(late.dueBy, NOW - 1);
    assert.equal(stand([], { watchedSince: NOW - 26 * HOUR }).verdict, 'never');
    assert.equal(stand([], { watchedSince: NOW - 26 * HOUR - 1 }).verdict, 'late');
    const skipped = historyOf(run('skipped', NOW - HOUR));
    assert.equal(stand([skipped], { watchedSince: since }).verdict, 'late');
  });

  test('counts from when it was watched if that is later than the last success', () => {
    const year = historyOf(run('succeeded', NOW - 365 * DAY));
    assert.equal(stand([year]).verdict, 'ok');
    assert.equal(stand([year]).dueBy, NOW + 25 * HOUR);
  });

  test('does not believe a success in the future', () => {
    const wrong = historyOf(run('succeeded', NOW + 365 * DAY));
    assert.equal(stand([wrong], { watchedSince: NOW - 27 * HOUR }).verdict, 'late');
  });

  test('tells that a failed one is late as well', () => {
    const status = stand([historyOf(run('failed', NOW - HOUR))], { watchedSince: NOW - 3 * DAY });
    assert.equal(status.verdict, 'failed');
    assert.equal(status.isLate, true);
  });

  test('without a schedule or when disabled it never is late', () => {
    const facts = { histories: [], now: NOW, watchedSince: NOW - 365 * DAY };
    assert.equal(jobStatus({ ...job, schedule: 'manual' }, facts).verdict, 'never');
    assert.equal(jobStatus(job, { ...facts, period: DAY }).verdict, 'late');
    assert.equal(jobStatus({ ...job, alarm: '1D' }, facts).verdict, 'late');
    assert.equal(jobStatus({ ...job, alarm: 'off' }, { ...facts, period: DAY }).verdict, 'never');
    const disabled = jobStatus({ ...job, enabled: false }, { ...facts, period: DAY });
    assert.equal(disabled.verdict, 'disabled');
    assert.equal(disabled.isLate, false);
  });

  test('tells when the last drill went well', () => {
    const drill = historyOf(
      run('succeeded', NOW - 8 * DAY, 'drill'),
      run('failed', NOW - DAY, 'drill'),
    );
    assert.equal(stand([drill]).lastProvenRestorable, NOW - 8 * DAY);
    assert.equal(stand([]).lastProvenRestorable, undefined);
  });

  test('says of a run what all its destinations say together', () => {
    const { lastRun } = stand([
      historyOf({
        ...run('warned', NOW),
        steps: ['a', 'b'].map((destination) => ({
          name: 'backup',
          kind: 'backup',
          destination,
          startedAt: NOW - 2,
          finishedAt: NOW,
          outcome: 'warned',
          output: 'very long',
          warnings: ['Cannot read "x"'],
          counters: { files: 10, bytes: 1000, bytesAdded: 7, snapshot: `s${destination}` },
        })),
      }),
    ]);
    assert.deepEqual(
      [lastRun?.files, lastRun?.bytes, lastRun?.bytesAdded, lastRun?.warnings],
      [10, 1000, 14, 2],
    );
    assert.equal(lastRun?.duration, 60_000);
    assert.equal(lastRun?.destinations.length, 2);
    assert.doesNotMatch(JSON.stringify(lastRun), /very long/u);
  });
});

test('the age that is allowed', () => {
  assert.equal(allowedAge({}, DAY), 26 * HOUR);
  assert.equal(allowedAge({}, HOUR), 3 * HOUR);
  assert.equal(allowedAge({}, 7 * DAY), 7 * DAY + 14 * HOUR);
  assert.equal(allowedAge({}, undefined), undefined);
  assert.equal(allowedAge({ alarm: '36h' }, DAY), 36 * HOUR);
  assert.throws(() => allowedAge({ alarm: 'soon' }, DAY), /"soon" is not a duration/u);
});

test('only a success clears a failure, whatever comes in between', () => {
  const states = fc.constantFrom<Outcome>(
    'succeeded',
    'warned',
    'failed',
    'skipped',
    'cancelled',
    'broken',
  );
  fc.assert(
    fc.property(fc.array(states, { maxLength: 12 }), fc.boolean(), (outcomes, isRunning) => {
      const runs = outcomes.map((state, index) => run(state, NOW - HOUR + index));
      const telling = outcomes.findLast((state) => state !== 'skipped' && state !== 'cancelled');
      const expected =
        telling === undefined
          ? 'never'
          : { succeeded: 'ok', warned: 'warning', failed: 'failed', broken: 'failed' }[telling];
      assert.equal(stand([historyOf(...runs)], { isRunning }).verdict, expected);
    }),
  );
});
