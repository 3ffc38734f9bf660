import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Clock } from '../../base/clock.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { BackupJob } from '../../model/job.ts';
import { silentLog } from '../log.ts';
import { JobStatuses } from '../status/job-statuses.ts';
import { type CatalogOfRuns, catalogOfRuns } from '#test/support/catalog-of-runs.ts';
import { FakeClock } from '#test/support/fake-clock.ts';
import { readAlarm } from './alarm-notes.ts';
import { DeadManAlarm, type DeadManAlarmOptions } from './dead-man-alarm.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const job: BackupJob = {
  kind: 'backup',
  name: 'documents',
  sources: ['/home'],
  destinations: [{ url: 'file:///backups' }],
  schedule: 'daily',
};

/** A service that looks every so often for as long as it is told to, on a clock that is wound by hand. */
class World implements AsyncDisposable {
  readonly kept: CatalogOfRuns;
  readonly clock: FakeClock;
  alarm: DeadManAlarm;

  constructor(kept: CatalogOfRuns, clock: FakeClock) {
    this.kept = kept;
    this.clock = clock;
    this.alarm = this.start();
  }

  static async make(...jobs: readonly BackupJob[]): Promise<World> {
    const clock = new FakeClock(Date.UTC(2026, 10, 21, 12));
    const kept = await catalogOfRuns(clock);
    for (const one of jobs) await kept.addJob(one);
    await kept.catalog.configuration.channels.save(
      'ops',
      { type: 'url', url: 'ntfy://ntfy.sh/topic' },
      { revision: undefined, origin: 'api' },
    );
    return new World(kept, clock);
  }

  start(more: Partial<DeadManAlarmOptions> = {}): DeadManAlarm {
    const { catalog } = this.kept;
    return new DeadManAlarm({
      catalog,
      clock: this.clock,
      log: silentLog,
      statuses: new JobStatuses({ catalog, clock: this.clock, timeZone: 'UTC', hostName: 'host' }),
      hostName: 'host',
      ...more,
    });
  }

  /** Lets time go by as the service does: round after round. */
  async pass(span: number, alarms: readonly DeadManAlarm[] = [this.alarm]): Promise<void> {
    const end = this.clock.now() + span;
    while (this.clock.now() < end) {
      const waits = await Promise.all(alarms.map((alarm) => alarm.round()));
      this.clock.advance(Math.min(...waits, end - this.clock.now()));
    }
    await Promise.all(alarms.map((alarm) => alarm.round()));
  }

  /** What was told since the last time it was asked for. */
  async told(): Promise<string[]> {
    const { outbox } = this.kept.catalog;
    const items = await outbox.list();
    for (const { id } of items) await outbox.sent(id);
    return items.map(({ report: { event, job: name, lastSuccess } }) =>
      lastSuccess === undefined ? `${event} ${name}: never` : `${event} ${name}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kept[Symbol.asyncDispose]();
  }
}

describe('the alarm', () => {
  test('rings once for a job that never ran, then daily, until it has succeeded', async () => {
    await using world = await World.make(job);
    await world.pass(26 * HOUR);
    assert.deepEqual(await world.told(), []);
    await world.pass(20 * MINUTE);
    assert.deepEqual(await world.told(), ['missed documents: never']);
    await world.pass(23 * HOUR);
    assert.deepEqual(await world.told(), []);
    await world.pass(HOUR);
    assert.equal((await world.told()).length, 1);
    assert.equal((await readAlarm(world.kept.catalog.notes, 'documents'))?.times, 2);
    await world.kept.addRun('documents', 'succeeded', world.clock.now());
    await world.pass(20 * MINUTE);
    assert.equal(await readAlarm(world.kept.catalog.notes, 'documents'), undefined);
    await world.pass(25 * HOUR);
    assert.deepEqual(await world.told(), []);
    await world.pass(2 * HOUR);
    assert.deepEqual(await world.told(), ['missed documents']);
  });

  test('rings for a job that only fails, is skipped, or runs without end', async () => {
    await using world = await World.make(job);
    await world.pass(HOUR);
    await world.kept.addRun('documents', 'succeeded', world.clock.now());
    await world.pass(12 * HOUR);
    await world.kept.addRun('documents', 'failed', world.clock.now());
    await world.pass(12 * HOUR);
    await world.kept.addRun('documents', 'skipped', world.clock.now());
    await world.kept.beginRun('documents', world.clock.now());
    assert.deepEqual(await world.told(), []);
    await world.pass(3 * HOUR);
    assert.equal((await world.told()).length, 1);
  });

  test('is told by one of two instances', async () => {
    await using world = await World.make(job, { ...job, name: 'pictures' });
    const { configuration, runs, notes, outbox } = world.kept.catalog;
    const told: string[] = [];
    const add: Catalog['outbox']['add'] = async (entries, now) => {
      for (const { report } of entries) told.push(report.job);
      await outbox.add(entries, now);
    };
    const catalog = { configuration, runs, notes, outbox: { add } } as unknown as Catalog;
    await world.pass(2 * DAY, [world.start({ catalog }), world.start({ catalog })]);
    assert.deepEqual(told.toSorted(), ['documents', 'pictures']);
  });

  test('is told although its teller dies, under the same id', async () => {
    await using world = await World.make(job);
    await world.pass(25 * HOUR);
    const { catalog } = world.kept;
    const ids = new Set<string>();
    const dying = (how: 'before' | 'after') => {
      const add: Catalog['outbox']['add'] = async (entries, now) => {
        for (const { report } of entries) ids.add(report.id);
        if (how === 'after') await catalog.outbox.add(entries, now);
        throw new Error('The machine dies');
      };
      const { configuration, runs, notes } = catalog;
      return world.start({
        catalog: { configuration, runs, notes, outbox: { add } } as unknown as Catalog,
      });
    };
    await world.pass(HOUR + MINUTE, [dying('before')]);
    assert.equal(ids.size, 1);
    assert.deepEqual(await world.told(), []);
    await world.pass(5 * MINUTE, [dying('after')]);
    world.alarm = world.start();
    await world.pass(5 * MINUTE);
    const items = await catalog.outbox.list();
    assert.ok(items.length > 0);
    assert.deepEqual(new Set(items.map(({ report }) => report.id)), ids);
    await world.told();
    await world.pass(23 * HOUR);
    assert.deepEqual(await world.told(), []);
  });

  test('gives a machine that slept the time to make up for it', async () => {
    await using world = await World.make(job, { ...job, name: 'pictures' });
    await world.pass(HOUR);
    for (const name of ['documents', 'pictures'])
      await world.kept.addRun(name, 'succeeded', world.clock.now());
    await world.pass(HOUR);
    // It sleeps.
    world.clock.advance(7 * DAY);
    await world.pass(10 * MINUTE);
    const run = await world.kept.beginRun('documents', world.clock.now());
    await world.kept.addRun('pictures', 'succeeded', world.clock.now());
    await world.pass(3 * HOUR);
    assert.deepEqual(await world.told(), []);
    // The run that makes up for it fails.
    const end = { outcome: 'failed', steps: [] } as const;
    await world.kept.catalog.queue.finish(run.id, 'test-worker', end, world.clock.now(), []);
    await world.pass(20 * MINUTE);
    assert.match((await world.told()).join('\n'), /^missed documents$/u);
  });

  test('does not forgive a run without end, nor a service that is started again and again', async () => {
    await using world = await World.make(job, { ...job, name: 'pictures' });
    await world.pass(HOUR);
    world.clock.advance(7 * DAY);
    await world.alarm.round();
    await world.kept.beginRun('documents', world.clock.now());
    for (let minute = 0; minute < 20; minute++) {
      world.alarm = world.start();
      await world.pass(MINUTE);
    }
    assert.match((await world.told()).join('\n'), /^missed pictures: never$/u);
    await world.pass(11 * HOUR);
    assert.deepEqual(await world.told(), []);
    await world.pass(HOUR);
    assert.match((await world.told()).join('\n'), /^missed documents: never$/u);
  });

  test('is off for jobs by hand, disabled ones, and those that say so', async () => {
    await using world = await World.make(
      { ...job, name: 'manual', schedule: 'manual' },
      { ...job, name: 'disabled', enabled: false },
      { ...job, name: 'off', alarm: 'off' },
      { ...job, name: 'by-hand-but-often', schedule: 'manual', alarm: '1h' },
    );
    await world.pass(2 * DAY);
    const names = new Set((await world.told()).map((text) => text.split(':')[0]));
    assert.deepEqual([...names], ['missed by-hand-but-often']);
  });

  test('is counted from when a job was enabled, got its schedule, or the clock was put right', async () => {
    await using world = await World.make({ ...job, enabled: false });
    await world.pass(4 * DAY);
    await world.kept.addJob({ ...job, schedule: 'monthly' });
    await world.pass(4 * DAY);
    await world.kept.addJob(job);
    await world.pass(25 * HOUR);
    assert.deepEqual(await world.told(), []);
    await world.kept.addRun('documents', 'succeeded', world.clock.now() + 365 * DAY);
    await world.pass(25 * HOUR);
    assert.deepEqual(await world.told(), []);
    await world.pass(3 * HOUR);
    assert.equal((await world.told()).length, 1);
  });

  test('is over when the job is gone', async () => {
    await using world = await World.make(job);
    await world.pass(2 * DAY);
    const { notes, configuration } = world.kept.catalog;
    assert.ok(await readAlarm(notes, 'documents'));
    const kept = (await configuration.jobs.get('documents'))!;
    await configuration.jobs.remove('documents', kept.revision);
    await world.pass(20 * MINUTE);
    assert.equal(await readAlarm(notes, 'documents'), undefined);
  });

  test('is repeated as often as the settings say', async () => {
    await using world = await World.make(job);
    const { settings } = world.kept.catalog.configuration;
    const save = { origin: 'api', revision: undefined };
    const revision = await settings.save('api', { alarmReminder: '6h' }, save);
    await world.pass(27 * HOUR + DAY);
    assert.equal((await world.told()).length, 5);
    await settings.save('api', { alarmReminder: 'off' }, { ...save, revision });
    await world.pass(3 * DAY);
    assert.deepEqual(await world.told(), []);
  });

  test('tells of other jobs although one cannot be told', async () => {
    await using world = await World.make(job, { ...job, name: 'pictures' });
    const { configuration, runs, notes, outbox } = world.kept.catalog;
    const add: Catalog['outbox']['add'] = (entries, now) => {
      if (entries[0]?.report.job === 'documents') throw new Error('The disk is full');
      return outbox.add(entries, now);
    };
    world.alarm = world.start({
      catalog: { configuration, runs, notes, outbox: { add } } as unknown as Catalog,
    });
    await world.pass(27 * HOUR);
    assert.match((await world.told()).join('\n'), /^missed pictures: never$/u);
  });
});

test('looks by itself until it is ended', async () => {
  await using world = await World.make(job);
  const { promise, resolve } = Promise.withResolvers<void>();
  let rounds = 0;
  const clock: Clock = {
    now: () => world.clock.now(),
    monotonic: () => world.clock.monotonic(),
    async sleep(milliseconds, options) {
      if (++rounds > 120) resolve();
      await world.clock.sleep(milliseconds, options);
    },
  };
  const alarm = DeadManAlarm.start({
    catalog: world.kept.catalog,
    clock,
    log: silentLog,
    statuses: new JobStatuses({
      catalog: world.kept.catalog,
      clock,
      timeZone: 'UTC',
      hostName: 'host',
    }),
    hostName: 'host',
  });
  await promise;
  await alarm[Symbol.asyncDispose]();
  assert.equal((await world.told()).length, 1);
});
