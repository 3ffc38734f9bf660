import type { OutboxEntry, RunEnd } from '../../src/catalog/catalog.ts';
import type { BackupJob } from '../../src/model/job.ts';
import type { NewRun, WorkerIdentity } from '../../src/model/run.ts';
import type { Configuration } from '../../src/model/configuration.ts';

/** Times of tests lie around here: 2026-01-01. */
export const sampleTime = Date.UTC(2026, 0, 1);

export const sampleJob = (name: string, change: Partial<BackupJob> = {}): BackupJob => ({
  kind: 'backup',
  name,
  sources: ['/home'],
  schedule: 'daily',
  destinations: [{ url: `sftp://user:pass word@host/${name}`, passphrase: 'geheim äöü' }],
  ...change,
});

export const sampleConfiguration = (
  names: readonly string[],
  change: Partial<Configuration> = {},
): Configuration => ({
  jobs: names.map((name) => sampleJob(name)),
  destinations: {},
  channels: {},
  periodicities: {},
  settings: {},
  ...change,
});

export const sampleRun = (job: string, change: Partial<NewRun> = {}): NewRun => ({
  job,
  activity: 'backup',
  trigger: 'schedule',
  priority: 0,
  keys: [`job:${job}`],
  ...change,
});

export const sampleWorker = (id: string, change: Partial<WorkerIdentity> = {}): WorkerIdentity => ({
  id,
  host: 'host',
  pid: 17,
  bootId: 'boot',
  startTicks: 170,
  ...change,
});

export const sampleEnd = (outcome: RunEnd['outcome'], change: Partial<RunEnd> = {}): RunEnd => ({
  outcome,
  steps: [],
  ...change,
});

export const sampleEntry = (id: string, change: Partial<OutboxEntry> = {}): OutboxEntry => ({
  channel: 'mail',
  report: {
    id,
    event: 'failed',
    job: 'documents',
    host: 'host.example',
    at: sampleTime,
    timeZone: 'Europe/Berlin',
    title: 'documents: backup failed',
  },
  ...change,
});
