import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { systemClock } from '../../src/base/clock.ts';
import { isDead } from '../../src/base/process-identity.ts';
import { sampleEnd, sampleRun, sampleWorker, sampleTime } from '../support/catalog-samples.ts';
import { type CatalogPlace, type MakePlace, openPlace, sampleKey } from './catalog-place.ts';

const program = fileURLToPath(new URL('../support/catalog-worker.ts', import.meta.url));

interface Worker {
  readonly process: ChildProcess;
  /** What it has told. */
  readonly lines: string[];
  /** Resolves when it has told so much; to be asked once. */
  told(lines: number): Promise<void>;
  readonly ended: Promise<unknown>;
}

function startWorker({ address }: CatalogPlace, task: string, entry = ''): Worker {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program, address, sampleKey.reveal(), task, entry],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  const ended = Promise.all([once(child, 'exit'), once(reader, 'close')]);
  let wanted = Infinity;
  const enough = Promise.withResolvers<void>();
  reader.on('line', (line) => {
    if (lines.push(line) >= wanted) enough.resolve();
  });
  return {
    process: child,
    lines,
    ended,
    async told(count) {
      wanted = count;
      if (lines.length >= count) return;
      await Promise.race([enough.promise, ended]);
      if (lines.length < count) throw new Error(`The worker ended after ${lines.join(', ')}`);
    },
  };
}

export function processContract(make: MakePlace): void {
  test('of several processes each entry is claimed by exactly one', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const entries = Array.from({ length: 40 }, (_, index) => `job${index}/backup/1`);
    await catalog.schedules.begin(entries, sampleTime);
    const workers = [1, 2, 3].map(() => startWorker(place, 'claim'));
    await Promise.all(workers.map(({ ended }) => ended));
    for (const { process: child } of workers) assert.equal(child.exitCode, 0);
    // One that begins after another has claimed an entry moves it on by one more.
    const runs = await catalog.runs.list({ limit: 1000 });
    const steps = [...(await catalog.schedules.list()).values()].flatMap(
      ({ entry, consideredUntil }) =>
        Array.from(
          { length: consideredUntil - sampleTime },
          (_, index) => `${entry} ${sampleTime + index + 1}`,
        ),
    );
    assert.deepEqual(
      runs.map(({ job, scheduledFor }) => `${job} ${scheduledFor}`).sort(),
      steps.sort(),
    );
    const told = workers.flatMap(({ lines }) => lines.filter((line) => line.startsWith('claimed')));
    assert.deepEqual(
      told.map((line) => line.split(' ')[2] ?? '').sort(),
      runs.map(({ id }) => id).sort(),
    );
  });

  test('killed at any moment, it has lost nothing and done nothing twice', async () => {
    await using place = await make();
    await using catalog = await openPlace(place, { clock: systemClock });
    const entries = ['a/backup/1', 'b/backup/1'];
    await catalog.schedules.begin(entries, sampleTime);
    const acknowledged: string[] = [];
    // Different moments: what is done between two lines takes a millisecond or so.
    for (const [lines, delay] of [
      [2, 0],
      [9, 1],
      [14, 2],
      [20, 3],
    ] as const) {
      const workers = entries.map((entry) => startWorker(place, 'work', entry));
      await Promise.all(workers.map((worker) => worker.told(lines)));
      await systemClock.sleep(delay);
      for (const { process: child } of workers) child.kill('SIGKILL');
      await Promise.all(workers.map(({ ended }) => ended));
      acknowledged.push(...workers.flatMap((worker) => worker.lines));

      const runs = await catalog.runs.list({ limit: 10_000 });
      const states = await catalog.schedules.list();
      for (const entry of entries) {
        const steps = runs
          .filter(({ job }) => job === entry)
          .map((run) => run.scheduledFor! - sampleTime);
        const moved = states.get(entry)!.consideredUntil - sampleTime;
        assert.deepEqual(
          steps.sort((left, right) => left - right),
          Array.from({ length: moved }, (_, index) => index + 1),
        );
      }
      const byId = new Map(runs.map((run) => [run.id, run]));
      const outbox = new Set((await catalog.outbox.list()).map(({ report }) => report.id));
      for (const run of runs) assert.equal(outbox.has(run.id), run.state === 'failed', run.id);
      for (const line of acknowledged) {
        const [what, id = ''] = line.split(' ');
        const state = byId.get(id)?.state;
        if (what === 'queued') assert.ok(state !== undefined, line);
        if (what === 'ended') assert.equal(state, 'failed', line);
      }
      for (const entry of entries) {
        const failed = runs.filter(({ job, state }) => job === entry && state === 'failed');
        const history = await catalog.runs.history(entry, 'backup');
        assert.equal(history?.failuresInARow ?? 0, failed.length);
        assert.equal(history?.lastRun?.id, failed[0]?.id);
      }
      await endBroken(catalog, entries);
    }
  });
}

/** What the next start does: ends what the dead have left, after which nothing is held. */
async function endBroken(
  { queue, runs }: Awaited<ReturnType<typeof openPlace>>,
  entries: readonly string[],
): Promise<void> {
  const self = sampleWorker('next');
  const running = await runs.list({ states: ['running'] });
  const now = systemClock.now();
  const taken = await queue.takeBroken(self, isDead, now);
  assert.deepEqual(taken.map(({ id }) => id).sort(), running.map(({ id }) => id).sort());
  // Not `failed`, which the worker alone makes; its history goes on as if they had not been.
  for (const { id } of taken)
    assert.equal(await queue.finish(id, self.id, sampleEnd('cancelled'), now, []), true);
  for (const { id } of await runs.list({ states: ['queued'] })) await queue.cancel(id, now);
  for (const entry of entries) {
    const { id } = await queue.add(sampleRun('another', { keys: [`job:${entry}`] }), now);
    assert.equal((await queue.claim(self, now))?.id, id);
    await queue.finish(id, self.id, sampleEnd('cancelled'), now, []);
  }
}
