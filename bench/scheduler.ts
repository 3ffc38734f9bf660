/**
 * What a schedule of many jobs costs: start with a catalog on disk, an hour of idling, asking for what comes next, and queueing all of them at once.
 *
 *     node bench/scheduler.ts [JOBS]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { systemClock } from '../src/base/clock.ts';
import { CatalogKey } from '../src/catalog/catalog-key.ts';
import { openCatalog } from '../src/catalog/open-catalog.ts';
import type { Job } from '../src/model/job.ts';
import { nextRun, resolveSchedule } from '../src/model/schedule/schedule.ts';
import { silentLog } from '../src/service/log.ts';
import { Scheduler } from '../src/service/scheduler/scheduler.ts';

const count = Number(process.argv[2] ?? 10_000);
const zones = ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'UTC'];

const jobs = Array.from({ length: count }, (_, index): Job => {
  const when = [
    `${index % 60} ${index % 24} * * *`,
    `${index % 60} * * * *`,
    `${index % 60} ${index % 24} * * ${index % 7}`,
    `Mon..Fri ${index % 24}:${String(index % 60).padStart(2, '0')}`,
    '@every 6h',
  ][index % 5]!;
  const timeZone = zones[index % zones.length]!;
  return {
    kind: 'commands',
    name: `job-${index}`,
    commands: [{ name: '1', command: 'true' }],
    schedule: { when, timeZone, jitter: '10m', catchUpDelay: '0s' },
  };
});

function tell(what: string, milliseconds: number): void {
  console.log(`${what.padEnd(60)} ${milliseconds.toFixed(1).padStart(10)} ms`);
}

async function timed<Result>(what: string, work: () => Promise<Result> | Result): Promise<Result> {
  const begin = performance.now();
  const result = await work();
  tell(what, performance.now() - begin);
  return result;
}

const directory = await mkdtemp(path.join(tmpdir(), 'holdfast-bench-'));
try {
  await using catalog = await openCatalog({
    location: { file: path.join(directory, 'catalog.sqlite') },
    key: CatalogKey.random(),
    clock: systemClock,
  });
  const configuration = {
    jobs,
    destinations: {},
    channels: {},
    periodicities: {},
    settings: { timeZone: 'Europe/Berlin' },
  };
  await timed(`${count} jobs into the catalog`, () =>
    catalog.configuration.replace(configuration, 'bench'),
  );
  const now = systemClock.now();
  await timed('schedules read and next runs reckoned, in a cold process', () => {
    for (const { schedule } of jobs) {
      const resolved = resolveSchedule(schedule as string, {}, { timeZone: 'UTC' });
      nextRun(resolved, now, 'host/job');
    }
  });
  const options = {
    catalog,
    clock: systemClock,
    log: silentLog,
    timeZone: 'UTC',
    hostname: 'host',
    isOnline: () => Promise.resolve(true),
  };
  const first = await timed('first start of the scheduler', () => Scheduler.start(options));
  await first[Symbol.asyncDispose]();
  await timed('the catalog alone: configuration and states', async () => {
    await catalog.configuration.read();
    await catalog.schedules.list();
  });
  const second = await timed('start of the scheduler', () => Scheduler.start(options));
  await timed('next 20 runs, 1000 times', () => {
    for (let index = 0; index < 1000; index++) second.upcoming(20);
  });
  await timed('refresh without a change', () => second.refresh());
  await second[Symbol.asyncDispose]();

  // Sleeps of a tenth of a second instead of 30 s: an hour of idling in twelve seconds.
  const idle = await Scheduler.start({ ...options, longestSleep: 100 });
  const before = process.cpuUsage();
  await systemClock.sleep(12_000);
  const used = process.cpuUsage(before);
  tell('processor time of an hour of idling', (used.user + used.system) / 1000);
  await idle[Symbol.asyncDispose]();

  const later = { ...systemClock, now: () => systemClock.now() + 40 * 86_400_000 };
  const busy = await Scheduler.start({ ...options, clock: later });
  await timed('runs of all of them queued at once', async () => {
    while (busy.upcoming(1)[0]!.at <= later.now()) await systemClock.sleep(20);
  });
  await busy[Symbol.asyncDispose]();
} finally {
  await rm(directory, { recursive: true, force: true });
}
