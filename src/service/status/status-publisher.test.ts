import assert from 'node:assert/strict';
import { mkdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';

import { type Clock, systemClock } from '../../base/clock.ts';
import type { BackupJob } from '../../model/job.ts';
import { Feed } from '../feed.ts';
import { createLog, type LogLine } from '../log.ts';
import type { RunEvent } from '../run-event.ts';
import { catalogOfRuns } from '#test/support/catalog-of-runs.ts';
import { JobStatuses } from './job-statuses.ts';
import { readStatusFile } from './read-status-file.ts';
import { StatusPublisher, type StatusPublisherOptions } from './status-publisher.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const MINUTE = 60_000;

const job: BackupJob = {
  kind: 'backup',
  name: 'documents',
  sources: ['/home'],
  destinations: [{ url: 'sftp://me:hidden1@nas.example/backup', passphrase: 'hidden2' }],
  environment: { TOKEN: 'hidden3' },
  schedule: 'daily',
};

/** A clock on which every sleep waits until the test lets it end. */
class HeldClock implements Clock {
  time = NOW;
  readonly sleeps: number[] = [];
  #sleepers: (() => void)[] = [];
  #onSleep: (() => void) | undefined;

  now = (): number => this.time;
  monotonic = (): number => this.time;

  async sleep(
    milliseconds: number,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    this.sleeps.push(milliseconds);
    this.#onSleep?.();
    await new Promise<void>((resolve, reject) => {
      this.#sleepers.push(resolve);
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      if (signal?.aborted === true) reject(signal.reason as Error);
    });
  }

  /** Resolves when somebody sleeps. */
  async untilSleep(): Promise<number> {
    const before = this.sleeps.length;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('Nobody sleeps')), 20_000);
      this.#onSleep = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    return this.sleeps[before]!;
  }

  /** Ends all sleeps; resolves with how long the next one is. */
  async wake(milliseconds: number): Promise<number> {
    this.time += milliseconds;
    const next = this.untilSleep();
    for (const resolve of this.#sleepers.splice(0)) resolve();
    return await next;
  }
}

describe('the status file', () => {
  const begin = async (more: Partial<StatusPublisherOptions> = {}) => {
    const kept = await catalogOfRuns(systemClock);
    await kept.addJob(job);
    const clock = new HeldClock();
    const { catalog, directory } = kept;
    const statuses = new JobStatuses({ catalog, clock, timeZone: 'UTC', hostName: 'host' });
    const feed = new Feed<RunEvent>();
    const lines: LogLine[] = [];
    const first = clock.untilSleep();
    const publisher = StatusPublisher.start({
      catalog,
      clock,
      statuses,
      feed,
      version: '1.2.3',
      hostName: 'host',
      stateDirectory: directory,
      log: createLog(clock.now, (line) => lines.push(line)),
      ...more,
    });
    await first;
    const file = path.join(directory, 'status.json');
    return {
      kept,
      clock,
      feed,
      lines,
      publisher,
      file,
      async [Symbol.asyncDispose]() {
        await publisher[Symbol.asyncDispose]();
        await kept[Symbol.asyncDispose]();
      },
    };
  };

  test('is there at once, for everybody, without secrets, and is written again', async () => {
    const before = process.umask(0o077);
    await using world = await begin().finally(() => process.umask(before));
    const { clock, file } = world;
    assert.equal((await stat(file)).mode & 0o777, 0o644);
    assert.doesNotMatch(await readFile(file, 'utf8'), /hidden/u);
    const status = await readStatusFile(file);
    assert.equal(status.schema, 1);
    assert.equal(status.at, NOW);
    assert.equal(status.verdicts.never, 1);
    assert.ok(status.validUntil! > NOW + 5 * MINUTE);
    assert.deepEqual(clock.sleeps, [5 * MINUTE]);
    assert.equal(await clock.wake(5 * MINUTE), 5 * MINUTE);
    assert.equal((await readStatusFile(file)).at, NOW + 5 * MINUTE);
  });

  test('tells of each run soon, of many at once', async () => {
    await using world = await begin();
    const { kept, clock, feed, file } = world;
    const run = await kept.addRun('documents', 'failed', NOW - MINUTE, {
      problem: { code: 'x', message: 'No route' },
      steps: [
        { name: 's', kind: 'backup', startedAt: 1, output: 'long output', outcome: 'failed' },
      ],
    });
    const settling = clock.untilSleep();
    for (let time = 0; time < 5; time++) feed.publish({ type: 'run', run });
    assert.equal(await settling, 1000);
    assert.equal(await clock.wake(1000), 5 * MINUTE);
    const [told] = (await readStatusFile(file)).jobs;
    assert.equal(told?.verdict, 'failed');
    assert.equal(told.lastFailure?.problem?.message, 'No route');
    assert.doesNotMatch(await readFile(file, 'utf8'), /long output/u);
  });

  test('promises nothing any more when the service ends in order', async () => {
    await using world = await begin();
    const { publisher, file } = world;
    await publisher[Symbol.asyncDispose]();
    assert.equal((await readStatusFile(file)).validUntil, undefined);
  });

  test('goes where the settings say, with metrics, and to everybody', async () => {
    await using world = await begin();
    const { kept, clock, publisher } = world;
    const { directory, catalog } = kept;
    await publisher[Symbol.asyncDispose]();
    await catalog.configuration.settings.save(
      'api',
      { statusFile: 'own/state.json', metricsFile: 'own/holdfast.prom' },
      { revision: undefined, origin: 'api' },
    );
    const publicFile = path.join(directory, 'public', 'status.json');
    const statuses = new JobStatuses({ catalog, clock, timeZone: 'UTC', hostName: 'host' });
    const first = clock.untilSleep();
    await using _other = StatusPublisher.start({
      catalog,
      clock,
      statuses,
      version: '1.2.3',
      hostName: 'host',
      publicFile,
      stateDirectory: directory,
      feed: new Feed(),
      log: createLog(clock.now, () => undefined),
    });
    await first;
    const own = path.join(directory, 'own', 'state.json');
    assert.equal(await readFile(own, 'utf8'), await readFile(publicFile, 'utf8'));
    const metrics = await readFile(path.join(directory, 'own', 'holdfast.prom'), 'utf8');
    assert.match(metrics, /^holdfast_job_enabled\{job_name="documents"\} 1$/mu);
  });

  test('that cannot be written is said once, and tried again', async () => {
    await using world = await begin();
    const { kept, clock, lines, publisher, file } = world;
    await publisher[Symbol.asyncDispose]();
    lines.length = 0;
    const { catalog, directory } = kept;
    const blocked = path.join(directory, 'blocked');
    await mkdir(path.join(blocked, 'status.json'), { recursive: true });
    const first = clock.untilSleep();
    await using _other = StatusPublisher.start({
      catalog,
      clock,
      version: '1.2.3',
      hostName: 'host',
      statuses: new JobStatuses({ catalog, clock, timeZone: 'UTC', hostName: 'host' }),
      stateDirectory: blocked,
      publicFile: file,
      feed: new Feed(),
      log: createLog(clock.now, (line) => lines.push(line)),
    });
    await first;
    await clock.wake(5 * MINUTE);
    assert.equal(lines.length, 1);
    assert.match(String(lines[0]?.fields['error']), /Cannot write ".*blocked\/status\.json"/u);
    // The other place has it nevertheless.
    assert.equal((await readStatusFile(file)).at, NOW + 5 * MINUTE);
  });
});

test('what is no status file is refused with a reason', async () => {
  const kept = await catalogOfRuns(systemClock);
  const { writeFile } = await import('node:fs/promises');
  const file = path.join(kept.directory, 'x.json');
  await assert.rejects(readStatusFile(file), /it is not there/u);
  for (const [text, reason] of [
    ['{"schema": 1, "at": 5, "jo', /it is damaged/u],
    ['{"schema": 2}', /newer version/u],
    ['[]', /holds something else/u],
    ['{"schema": 1}', /it is damaged/u],
  ] as const) {
    await writeFile(file, text);
    await assert.rejects(readStatusFile(file), reason);
  }
  await kept[Symbol.asyncDispose]();
});
