import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { BackupJob, TaskJob } from './job.ts';
import { priorityOf, runKeys } from './run-keys.ts';
import type { SecretValue } from './secret-value.ts';

const destinations = { offsite: { url: 'sftp://me:secret@host/backup/?port=1' } };

const keysOf = (url: SecretValue): readonly string[] => {
  const job: BackupJob = { kind: 'backup', name: 'documents', destinations: [{ url }] };
  return runKeys(job, { destinations }, 'backup').slice(1);
};

test('a run excludes its job, its queue and its repositories', () => {
  const job: BackupJob = {
    kind: 'backup',
    name: 'documents',
    queue: 'slow',
    destinations: [{ url: 'offsite' }, { url: '/mnt/disk/' }, { url: 'file:///mnt/disk' }],
  };
  assert.deepEqual(runKeys(job, { destinations }, 'backup'), [
    'job:documents',
    'queue:slow',
    'repository:sftp://host/backup',
    'repository:/mnt/disk',
  ]);
  const task: TaskJob = { kind: 'task', name: 'nightly', steps: { load: 'true' } };
  assert.deepEqual(runKeys(task, { destinations }, 'task'), ['job:nightly']);
});

test('ways to write one place are one key, and no secret is in it', () => {
  for (const url of [
    'SFTP://other:pass@word@HOST/backup',
    'sftp://host/backup/',
    'sftp://host/backup?password=x',
  ]) {
    assert.deepEqual(keysOf(url), ['repository:sftp://host/backup'], url);
  }
  assert.deepEqual(keysOf('/'), ['repository:/']);
  assert.deepEqual(keysOf('s3://bucket/A'), ['repository:s3://bucket/A']);
});

test('an address that is kept somewhere is known by where', () => {
  assert.deepEqual(keysOf({ file: '/run/url' }), ['repository:file:/run/url']);
  assert.deepEqual(keysOf({ command: ['pass', 'url'] }), ['repository:command:pass url']);
  assert.deepEqual(keysOf('missing'), ['repository:missing']);
});

test('restores go first, then what somebody waits for', () => {
  assert.equal(priorityOf('schedule', 'restore'), 100);
  assert.equal(priorityOf('api', 'backup'), 50);
  assert.equal(priorityOf('manual', 'check'), 50);
  assert.equal(priorityOf('action', 'drill'), 50);
  for (const trigger of ['schedule', 'catch-up', 'dependent'] as const) {
    assert.equal(priorityOf(trigger, 'backup'), 0);
  }
});
