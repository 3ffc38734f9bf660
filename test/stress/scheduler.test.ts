import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { configurationOf, jobsOf } from '#test/support/scheduled-jobs.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../../src/base/clock.ts';
import { Secret } from '../../src/base/secret.ts';
import { openCatalog } from '../../src/catalog/open-catalog.ts';
import { sampleKey } from '../contract/catalog-place.ts';
import { postgresPrograms, startPostgres } from '../servers/postgres.ts';
import { missingPrograms } from '../servers/required-programs.ts';

const program = fileURLToPath(new URL('../support/scheduler-worker.ts', import.meta.url));
const WORKERS = 3;
const KILLS = 6;
const JOBS = 8;
/** So many runs between two deaths. */
const RUNS = 7;

/** Several processes queue the runs of every second, and are killed again and again; nothing may be queued twice, nor come to the catalog only in part. */
async function killAgainAndAgain(address: string): Promise<void> {
  await using catalog = await openCatalog({
    location: address.includes('://') ? { url: new Secret(address) } : { file: address },
    key: sampleKey,
    clock: systemClock,
  });
  const names = Array.from({ length: JOBS }, (_, index) => [`job-${index}`, '* * * * * *']);
  await catalog.configuration.replace(
    configurationOf(jobsOf(Object.fromEntries(names) as Record<string, string>)),
    'test',
  );
  const told: string[] = [];
  const children: ChildProcess[] = [];
  const killed = Promise.withResolvers<void>();
  let kills = 0;
  const start = (): void => {
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', program, address, sampleKey.reveal()],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    children.push(child);
    createInterface({ input: child.stdout }).on('line', (line) => {
      told.push(line);
      if (told.length % RUNS !== 0 || kills >= KILLS) return;
      kills++;
      // The one that has just queued something is in the middle of its work.
      child.kill('SIGKILL');
      if (kills === KILLS) killed.resolve();
      else start();
    });
  };
  try {
    for (let count = 0; count < WORKERS; count++) start();
    await killed.promise;
  } finally {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  const runs = await catalog.runs.list({ limit: 100_000 });
  const states = await catalog.schedules.list();
  assert.ok(runs.length >= KILLS * RUNS);
  assert.equal(new Set(runs.map((run) => `${run.job} ${run.scheduledFor}`)).size, runs.length);
  const ids = new Set(runs.map(({ id }) => id));
  assert.ok(
    told.every((id) => ids.has(id)),
    'what was said to be queued is there',
  );
  for (const { job, scheduledFor } of runs) {
    // The position and the run are written together: no run is ahead of its schedule.
    assert.ok(states.get(`${job}/commands/1`)!.consideredUntil >= scheduledFor!);
  }
  for (const [, state] of states) {
    const own = runs.filter(({ job }) => `${job}/commands/1` === state.entry);
    assert.equal(state.lastQueued !== undefined, own.length > 0);
  }
}

describe('schedulers that are killed again and again queue nothing twice', () => {
  test('with a file of SQLite', async () => {
    await using directory = await temporaryDirectory();
    await killAgainAndAgain(`${directory.path}/catalog.sqlite`);
  });

  test('with PostgreSQL', { skip: missingPrograms(postgresPrograms) }, async () => {
    await using server = await startPostgres();
    await killAgainAndAgain(await server.createDatabase('holdfast'));
  });
});
