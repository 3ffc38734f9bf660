import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { ActivityStatus, JobStatus } from '../../model/job-status.ts';
import type { RunSummary } from '../../model/run-summary.ts';
import type { ServiceStatus } from '../status/service-status.ts';
import { nagiosResult, type NagiosOptions } from './nagios-check.ts';
import { parseNagiosRange } from './nagios-range.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 21, 12);

function runAt(finishedAt: number, more: Partial<RunSummary> = {}): RunSummary {
  return {
    id: 'r',
    activity: 'backup',
    trigger: 'schedule',
    state: 'succeeded',
    finishedAt,
    duration: 61_500,
    files: 7,
    bytes: 1000,
    bytesAdded: 10,
    warnings: 0,
    destinations: [],
    ...more,
  };
}

const good = (age: number): ActivityStatus => ({
  activity: 'backup',
  verdict: 'ok',
  lastSuccess: runAt(NOW - age),
  failuresInARow: 0,
});

const bad = (message: string, activity: ActivityStatus['activity'] = 'backup'): ActivityStatus => ({
  activity,
  verdict: 'failed',
  lastFailure: runAt(NOW - HOUR, { problem: { code: 'x', message } }),
  lastSuccess: runAt(NOW - 30 * HOUR),
  failuresInARow: 2,
});

function jobWith(name: string, main: ActivityStatus, more: Partial<JobStatus> = {}): JobStatus {
  return {
    job: name,
    kind: 'backup',
    isLate: false,
    isRunning: false,
    watchedSince: NOW - 100 * HOUR,
    dueBy: NOW + HOUR,
    activities: [main],
    ...main,
    ...more,
  };
}

function judge(
  jobs: readonly JobStatus[],
  options: Partial<NagiosOptions> = {},
  more: Partial<ServiceStatus> = {},
): readonly [status: number, ...lines: string[]] {
  const status: ServiceStatus = {
    schema: 1,
    at: NOW - 1000,
    validUntil: NOW + HOUR,
    version: '1',
    host: 'h',
    labels: {},
    verdicts: { ok: 0, warning: 0, failed: 0, late: 0, never: 0, disabled: 0 },
    queue: { waiting: 0, running: 0 },
    outbox: { waiting: 0, givenUp: 0 },
    jobs,
    ...more,
  };
  const result = nagiosResult(status, { check: 'backup', jobs: [], now: NOW, ...options });
  return [result.status, ...result.text.split('\n')];
}

describe('the plugin for Nagios', () => {
  test('says OK and nothing else', () => {
    assert.deepEqual(judge([jobWith('documents', good(HOUR))]), [0, 'OK']);
  });

  test('says which backup failed, and why', () => {
    assert.deepEqual(
      judge([jobWith('a', good(HOUR)), jobWith('documents', bad('No route to host'))]),
      [
        1,
        'WARNING: Backup not completed successfully: documents: No route to host (failed 2 times in a row), 1 h 00 min ago',
      ],
    );
    const [status, first, ...details] = judge(
      [jobWith('a', bad('One | two\nthree')), jobWith('b', bad('x'.repeat(300)))],
      { isFailureCritical: true },
    );
    assert.equal(status, 2);
    assert.equal(
      first,
      'CRITICAL: Backup not completed successfully: a: One ¦ two three (failed 2 times in a row), 1 h 00 min ago (and 1 more)',
    );
    assert.equal(details.length, 2);
    assert.ok(details[1]!.length > 300);
    const [, shortened] = judge([jobWith('b', bad('x'.repeat(300)))]);
    assert.equal(shortened!.length, 250);
  });

  test('takes a run that is under way for nothing', () => {
    const failed = jobWith('a', bad('No'), { isRunning: true });
    assert.equal(judge([failed])[0], 1);
    assert.equal(judge([jobWith('a', good(HOUR), { isRunning: true })])[0], 0);
  });

  test('reckons lateness when it is asked, also of jobs that never ran', () => {
    const late = jobWith('a', good(28 * HOUR), { dueBy: NOW - 2 * HOUR });
    assert.deepEqual(judge([late]), [
      1,
      'WARNING: Backup not completed successfully: a: the last success was 1 d 04 h ago, it was due 2 h 00 min ago',
    ]);
    const never = jobWith(
      'a',
      { activity: 'backup', verdict: 'never', failuresInARow: 0 },
      {
        dueBy: NOW - HOUR,
        activities: [],
      },
    );
    assert.match(
      judge([never])[1]!,
      /a: it never succeeded, known for 4 d 04 h, it was due 1 h 00 min ago/u,
    );
    assert.deepEqual(judge([{ ...never, dueBy: NOW + HOUR }]), [0, 'OK']);
    assert.deepEqual(judge([{ ...late, verdict: 'disabled' }]), [0, 'OK']);
  });

  test('judges by ages', () => {
    const jobs = [jobWith('a', good(2 * HOUR)), jobWith('b', good(30 * HOUR))];
    const range = (warning: string, critical: string): Partial<NagiosOptions> => ({
      warning: parseNagiosRange(warning),
      critical: parseNagiosRange(critical),
    });
    assert.deepEqual(judge(jobs, range('40h', '50h')), [
      0,
      "OK: 2 jobs, the last success 1 d 06 h ago at most | jobs=2;;;0 problems=0;;;0 'a_age'=7200s;144000;180000;0 'a_duration'=61.5s;;;0 'a_size'=1000B;;;0 'a_added'=10B;;;0 'b_age'=108000s;144000;180000;0 'b_duration'=61.5s;;;0 'b_size'=1000B;;;0 'b_added'=10B;;;0",
    ]);
    const [status, first] = judge(jobs, range('26h', '50h'));
    assert.equal(status, 1);
    assert.match(
      first!,
      /^WARNING: Backup not completed successfully: b: the last success was 1 d 06 h ago \| jobs=2/u,
    );
    assert.equal(judge(jobs, range('26h', '29h'))[0], 2);
    assert.equal(judge(jobs, { ...range('26h', '29h'), jobs: ['a'] })[0], 0);
    assert.equal(judge(jobs, { ...range('26h', '29h'), jobs: ['?'] })[0], 2);
    // Ages count instead of the alarm, a failure always.
    const late = jobWith('c', good(3 * HOUR), { dueBy: NOW - HOUR });
    assert.equal(judge([late], range('26h', '29h'))[0], 0);
    assert.equal(judge([jobWith('c', bad('No'))], range('40h', '50h'))[0], 1);
    // Why it failed tells more than since when.
    assert.match(judge([jobWith('c', bad('No'))], range('26h', '50h'))[1]!, /c: No \(failed/u);
    const never = jobWith('n', { activity: 'backup', verdict: 'never', failuresInARow: 0 });
    assert.equal(judge([never], range('26h', '99h'))[0], 2);
    assert.equal(judge([never], range('101h', '102h'))[0], 0);
  });

  test('looks at deletions, checks and restore tests apart from backups', () => {
    const job = jobWith('a', good(HOUR), {
      activities: [good(HOUR), bad('Locked', 'retention'), { ...good(HOUR), activity: 'check' }],
    });
    assert.deepEqual(judge([job]), [0, 'OK']);
    assert.match(
      judge([job], { check: 'retention' })[1]!,
      /^WARNING: Deletion not completed successfully: a: Locked/u,
    );
    assert.deepEqual(judge([job], { check: 'check' }), [0, 'OK']);
    assert.deepEqual(judge([job], { check: 'restore-test' }), [0, 'OK']);
    const critical = parseNagiosRange('35D');
    assert.match(
      judge([job], { check: 'restore-test', critical })[1]!,
      /^CRITICAL: Restore test not completed successfully: a: it never succeeded/u,
    );
    assert.equal(judge([jobWith('b', bad('No'))], { check: 'retention' })[0], 0);
  });

  test('tells of warnings if it is asked to', () => {
    const warned = jobWith('a', {
      ...good(HOUR),
      verdict: 'warning',
      lastSuccess: runAt(NOW - HOUR, { warnings: 3 }),
    });
    assert.deepEqual(judge([warned]), [0, 'OK']);
    assert.deepEqual(judge([warned], { isWarningAlert: true }), [
      1,
      'WARNING: Backup not completed successfully: a: 3 warnings',
    ]);
  });

  test('does not know what nobody has written lately, and what is not there', () => {
    const jobs = [jobWith('a', good(HOUR))];
    assert.match(
      judge(jobs, {}, { at: NOW - HOUR, validUntil: NOW - 1 })[1]!,
      /^UNKNOWN: .* 1 h 00 min old/u,
    );
    assert.equal(judge(jobs, {}, { at: NOW + HOUR, validUntil: NOW + 2 * HOUR })[0], 3);
    assert.deepEqual(judge(jobs, { jobs: ['b'] }), [3, 'UNKNOWN: There is no job "b"']);
    assert.deepEqual(judge([]), [3, 'UNKNOWN: There are no jobs']);
    const tasks = [jobWith('t', { ...good(HOUR), activity: 'task' }, { kind: 'task' })];
    assert.equal(judge(tasks)[0], 0);
    const critical = parseNagiosRange('35D');
    assert.equal(judge(tasks, { check: 'restore-test', critical })[0], 3);
  });

  test('keeps what it says within what NRPE can carry', () => {
    const many = Array.from({ length: 10_000 }, (_, index) =>
      jobWith(`job-${index}`, bad('y'.repeat(200))),
    );
    const lines = judge(many, { hasPerformanceData: true });
    assert.equal(lines.at(-1), 'and 9950 more');
    assert.ok(lines.join('\n').length < 60_000);
    assert.match(String(lines[1]), /\| jobs=10000;;;0 problems=10000;;;0 oldest_age=108000s;;;0$/u);
  });
});
