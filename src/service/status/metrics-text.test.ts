import assert from 'node:assert/strict';
import { test } from 'node:test';

import { runProgram } from '../../base/process.ts';
import type { JobStatus } from '../../model/job-status.ts';
import { metricsText } from './metrics-text.ts';
import type { ServiceStatus } from './service-status.ts';

const run = {
  id: 'r',
  activity: 'backup',
  trigger: 'schedule',
  state: 'warned',
  finishedAt: 1_795_000_000_123,
  duration: 61_500,
  files: 7,
  bytes: 1e15,
  bytesAdded: 10,
  warnings: 2,
  destinations: [
    { destination: 'sftp://nas', outcome: 'warned' },
    { destination: 's3://bucket', outcome: 'succeeded' },
    { destination: 's3://bucket', outcome: 'failed' },
  ],
} as const;

const activity = {
  activity: 'backup',
  verdict: 'warning',
  lastRun: run,
  lastSuccess: run,
  failuresInARow: 0,
} as const;

const job: JobStatus = {
  job: 'documents',
  kind: 'backup',
  isLate: true,
  isRunning: false,
  nextRun: 1_795_000_100_000,
  dueBy: 1_795_000_200_000,
  lastProvenRestorable: 1_794_000_000_000,
  ...activity,
  activities: [activity, { activity: 'check', verdict: 'failed', failuresInARow: 3 }],
};

const status: ServiceStatus = {
  schema: 1,
  at: 1_795_000_050_000,
  version: '1.2.3',
  host: 'host',
  labels: { site: 'a "quoted" \\ one\nline', job_name: 'not this', '9bad': 'x', __own: 'y' },
  verdicts: { ok: 0, warning: 1, failed: 0, late: 0, never: 1, disabled: 0 },
  queue: { waiting: 4, running: 1 },
  outbox: { waiting: 2, givenUp: 0 },
  jobs: [
    job,
    {
      job: 'new',
      kind: 'task',
      verdict: 'disabled',
      isLate: false,
      isRunning: true,
      activity: 'task',
      failuresInARow: 0,
      activities: [],
    },
  ],
};

const text = metricsText(status);
const value = (name: string, labels = ''): string | undefined =>
  text
    .split('\n')
    .find((line) => line.startsWith(`${name}{`) && line.includes(labels))
    ?.split(' ')
    .at(-1);

test('promtool finds nothing wrong with the metrics', async () => {
  const end = await runProgram(['promtool', 'check', 'metrics'], { input: Buffer.from(text) });
  assert.deepEqual([end.status, end.output.toString(), end.lastWords], [0, '', '']);
});

test('the metrics tell how things stand', () => {
  assert.equal(value('holdfast_job_last_result', 'activity="backup"'), '1');
  assert.equal(value('holdfast_job_last_result', 'activity="check"'), '2');
  assert.equal(value('holdfast_job_last_success_timestamp_seconds'), '1795000000.123');
  assert.equal(value('holdfast_job_last_success_duration_seconds'), '61.5');
  assert.equal(value('holdfast_job_last_success_size_bytes'), '1000000000000000');
  assert.equal(value('holdfast_job_failures_in_a_row', 'activity="check"'), '3');
  assert.equal(value('holdfast_job_late', 'job_name="documents"'), '1');
  assert.equal(value('holdfast_job_enabled', 'job_name="new"'), '0');
  assert.equal(value('holdfast_job_running', 'job_name="new"'), '1');
  assert.equal(
    value('holdfast_job_next_run_timestamp_seconds', 'job_name="documents"'),
    '1795000100',
  );
  assert.equal(value('holdfast_job_last_proven_restorable_timestamp_seconds'), '1794000000');
  assert.equal(value('holdfast_destination_last_result', 'destination="sftp://nas"'), '1');
  assert.equal(value('holdfast_destination_last_result', 'destination="s3://bucket"'), '2');
  assert.equal(value('holdfast_queue_length'), '4');
  assert.equal(value('holdfast_jobs', 'verdict="never"'), '1');
});

test('what is not known is not told', () => {
  assert.equal(value('holdfast_job_next_run_timestamp_seconds', 'job_name="new"'), undefined);
  assert.equal(value('holdfast_job_last_success_timestamp_seconds', 'activity="check"'), undefined);
  assert.doesNotMatch(text, /undefined|NaN/u);
});

test('labels of the settings stand everywhere, escaped, and replace none', () => {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  for (const line of lines) assert.ok(line.includes('site="a \\"quoted\\" \\\\ one\\nline"'), line);
  assert.doesNotMatch(text, /not this|9bad|__own/u);
});
