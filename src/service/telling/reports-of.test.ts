import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { reportOf } from '#test/support/sample-reports.ts';
import type { ActivityHistory } from '../../catalog/catalog.ts';
import type { ChannelSettings } from '../../model/channel.ts';
import type { Activity, NotifyRule } from '../../model/job.ts';
import type { Run } from '../../model/run.ts';
import { missedReportsOf, reportsOf, startReportsOf, type TellingContext } from './reports-of.ts';

const now = Date.UTC(2026, 10, 1, 9, 0, 0);
const chat: ChannelSettings = { type: 'url', url: 'ntfy://ntfy.sh/topic' };
const monitor: ChannelSettings = { type: 'healthchecks', url: 'https://hc-ping.com/x' };
const mail: ChannelSettings = { type: 'mail', host: 'smtp', from: 'a@b.c', to: ['d@e.f'] };

const runOf = (state: Run['state'], activity: Activity = 'backup'): Run => ({
  ...reportOf(state === 'failed' ? 'failed' : 'succeeded').run!,
  id: 'r1',
  state,
  activity,
  finishedAt: now,
});

const historyOf = (failuresInARow: number, activity: Activity = 'backup'): ActivityHistory => ({
  job: 'documents',
  activity,
  failuresInARow,
  lastSuccess: { ...runOf('succeeded', activity), finishedAt: 1000 },
});

const contextOf = (
  channels: Readonly<Record<string, ChannelSettings>>,
  changes: Partial<TellingContext> & { readonly notify?: readonly NotifyRule[] } = {},
): TellingContext => ({
  configuration: {
    channels,
    settings: changes.notify === undefined ? {} : { notify: changes.notify },
  },
  host: 'nas',
  timeZone: 'Europe/Berlin',
  now,
  histories: [],
  ...changes,
});

const job = { name: 'documents', kind: 'backup' } as const;

const told = (
  run: Run,
  context: TellingContext,
  notify?: readonly NotifyRule[],
): readonly string[] =>
  reportsOf(run, { ...job, ...(notify && { notify }) }, context).map(
    ({ channel, report }) => `${channel} ${report.event}`,
  );

describe('whom to tell about what', () => {
  test('where nothing is said, people are told what they have to know', () => {
    const context = contextOf({ chat });
    assert.deepEqual(told(runOf('failed'), context), ['chat failed']);
    assert.deepEqual(told(runOf('broken'), context), ['chat failed']);
    assert.deepEqual(told(runOf('warned'), context), ['chat warned']);
    assert.deepEqual(told(runOf('succeeded'), context), []);
    assert.deepEqual(told(runOf('skipped'), context), []);
    assert.deepEqual(startReportsOf(runOf('running'), job, context), []);
  });

  test('the first success after failures, and after an alarm', () => {
    const context = contextOf({ chat }, { histories: [historyOf(2)] });
    assert.deepEqual(told(runOf('succeeded'), context), ['chat recovered']);
    const alarmed = contextOf({ chat }, { alarmed: true });
    const [entry] = reportsOf(runOf('warned'), job, alarmed);
    assert.equal(entry!.report.title, 'documents: backup works again, with warnings');
    assert.deepEqual(
      told(runOf('succeeded'), context, [{ channel: 'chat', on: ['succeeded'] }]),
      ['chat succeeded'],
      'who does not ask for recoveries is told of the success',
    );
  });

  test('monitors are told of each run of the job itself, and of nothing else', () => {
    const context = contextOf({ monitor });
    assert.deepEqual(told(runOf('succeeded'), context), ['monitor succeeded']);
    assert.deepEqual(told(runOf('failed'), context), ['monitor failed']);
    assert.equal(startReportsOf(runOf('running'), job, context)[0]!.report.event, 'started');
    for (const activity of ['retention', 'check', 'drill', 'restore'] as const)
      assert.deepEqual(told(runOf('succeeded', activity), context), []);
  });

  test('rules of the job come before those of all jobs', () => {
    const context = contextOf({ chat, mail }, { notify: [{ channel: 'chat', on: ['succeeded'] }] });
    assert.deepEqual(told(runOf('succeeded'), context), ['chat succeeded']);
    assert.deepEqual(told(runOf('failed'), context), []);
    assert.deepEqual(told(runOf('failed'), context, [{ channel: 'mail' }]), ['mail failed']);
    assert.deepEqual(told(runOf('failed'), context, []), []);
    assert.deepEqual(told(runOf('failed'), context, [{ channel: 'gone' }]), []);
  });

  test('several rules for one channel are one report', () => {
    const rules: NotifyRule[] = [
      { channel: 'chat', on: ['failed'] },
      { channel: 'chat', on: ['failed', 'succeeded'] },
    ];
    assert.deepEqual(told(runOf('failed'), contextOf({ chat }), rules), ['chat failed']);
  });

  test('a clean-up is news only if it went wrong, unless a rule says otherwise', () => {
    const all = [{ channel: 'chat', on: ['succeeded', 'failed'] }] as const;
    const context = contextOf({ chat });
    assert.deepEqual(told(runOf('succeeded', 'retention'), context, all), []);
    assert.deepEqual(told(runOf('failed', 'retention'), context, all), ['chat failed']);
    assert.deepEqual(
      told(runOf('succeeded', 'retention'), context, [{ ...all[0], activities: ['retention'] }]),
      ['chat succeeded'],
    );
  });

  test('drills', () => {
    const rules = [{ channel: 'chat', on: ['drill'] }] as const;
    const context = contextOf({ chat });
    assert.deepEqual(told(runOf('succeeded', 'drill'), context, rules), ['chat drill']);
    assert.deepEqual(told(runOf('failed', 'drill'), context, rules), ['chat drill']);
    assert.deepEqual(told(runOf('failed', 'drill'), context), ['chat failed']);
    const [entry] = reportsOf(runOf('succeeded', 'drill'), { ...job, notify: rules }, context);
    assert.equal(entry!.report.lastProvenRestorable, now);
  });

  test('a channel that is switched off', () => {
    assert.deepEqual(told(runOf('failed'), contextOf({ chat: { ...chat, enabled: false } })), []);
  });

  test('an alarm, also for a job that never ran', () => {
    const [entry] = missedReportsOf(job, 5000, contextOf({ chat }));
    assert.equal(entry!.report.id, 'documents-5000-missed');
    assert.equal(entry!.report.run, undefined);
    assert.equal(entry!.report.lastSuccess, undefined);
    const late = contextOf({ chat }, { histories: [historyOf(0)] });
    assert.equal(missedReportsOf(job, 5000, late)[0]!.report.lastSuccess, 1000);
  });
});

describe('what reports say', () => {
  test('the same run makes the same report', () => {
    const context = contextOf({ chat }, { histories: [historyOf(0)] });
    const [first] = reportsOf(runOf('failed'), job, context);
    const [second] = reportsOf(runOf('failed'), job, { ...context, now: now + 5000 });
    assert.deepEqual(first, second);
    assert.equal(first!.report.id, 'r1-failed');
    assert.equal(first!.report.title, 'documents: backup failed');
    assert.equal(first!.report.lastSuccess, 1000);
    assert.equal(first!.report.at, now);
  });

  test('what the steps printed leaves only where it may', () => {
    const outputs = (settings: ChannelSettings): unknown[] =>
      reportsOf(runOf('failed'), job, contextOf({ mail: settings })).map(
        ({ report }) => report.run!.steps[0]!.output,
      );
    assert.deepEqual(outputs(mail), [undefined]);
    assert.deepEqual(outputs({ ...mail, output: 'failures' }), ['This is a test\n']);
  });
});

describe('digests', () => {
  const digest: ChannelSettings = { ...mail, digest: { at: '07:00' } };

  test('what is good waits for the morning, what is bad is told at once as well', () => {
    const morning = Date.UTC(2026, 10, 2, 6, 0, 0);
    const good = reportsOf(runOf('succeeded'), job, contextOf({ mail: digest }));
    assert.deepEqual(
      good.map(({ report, notBefore }) => [report.digest, notBefore]),
      [[true, morning]],
    );
    const bad = reportsOf(runOf('failed'), job, contextOf({ mail: digest }));
    assert.deepEqual(
      bad.map(({ report, notBefore }) => [report.digest, notBefore]),
      [
        [undefined, undefined],
        [true, morning],
      ],
    );
    assert.notEqual(bad[0]!.report.id, bad[1]!.report.id);
  });

  test('on some days only, and nothing at once', () => {
    const context = contextOf({
      mail: { ...mail, digest: { at: '12:30', days: ['fri'], only: true } },
    });
    const [entry, ...others] = reportsOf(runOf('failed'), job, context);
    assert.deepEqual(others, []);
    assert.equal(entry!.notBefore, Date.UTC(2026, 10, 6, 11, 30), 'Sunday to Friday');
  });

  test('over a change of the clocks', () => {
    const saturday = Date.UTC(2026, 2, 28, 12, 0, 0);
    const [entry] = reportsOf(
      runOf('succeeded'),
      job,
      contextOf({ mail: digest }, { now: saturday }),
    );
    assert.equal(entry!.notBefore, Date.UTC(2026, 2, 29, 5, 0, 0), '07:00 in summer time');
  });
});
