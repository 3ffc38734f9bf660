import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ChangingTree } from '#test/support/changing-tree.ts';
import { StressRepository } from '#test/support/stress-repository.ts';
import {
  assertSameTree,
  completeSnapshots,
  factsInSnapshot,
  factsOnDisk,
  type TreeFacts,
} from '#test/support/stored-tree.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../../src/base/clock.ts';
import { check } from '../../src/engine/check.ts';

/** How long everybody works, in milliseconds. */
const TIME = 25_000;

const seed = Number(process.env['HOLDFAST_STRESS_SEED'] ?? Date.now() % 1_000_000);

test(
  `two writers and a collector at once lose nothing (seed ${seed})`,
  { timeout: 300_000 },
  async (t) => {
    await using directory = await temporaryDirectory();
    const repository = await StressRepository.create(directory.path);
    const kept = new Map<string, TreeFacts>();
    const end = performance.now() + TIME;

    // Each writer's content comes and goes, so that there is always something for the collector to take.
    const write = async (name: string, turn: number): Promise<number> => {
      const tree = new ChangingTree(`${directory.path}/source-${name}`, seed + turn, {
        large: 2 * 1024 * 1024,
        files: 80,
      });
      const own: string[] = [];
      let runs = 0;
      while (performance.now() < end) {
        const facts = factsOnDisk(tree.root);
        const { status, snapshot, output } = await repository.startBackup(name, tree.root).ended;
        assert.equal(status, 0, `${name}: ${output}`);
        assert.ok(snapshot !== undefined);
        kept.set(snapshot, facts);
        own.push(snapshot);
        // What is forgotten may go; everything else must stay.
        const forgotten = own.length > 3 ? own.shift() : undefined;
        if (forgotten !== undefined) {
          const { status: done, output: said } = await repository.run('forget', name, [
            repository.path,
            forgotten,
            '--force',
          ]).ended;
          assert.equal(done, 0, said);
          kept.delete(forgotten);
        }
        tree.change();
        runs++;
      }
      return runs;
    };
    const collect = async (): Promise<number> => {
      let runs = 0;
      while (performance.now() < end) {
        const { status, output } = await repository.run('prune', 'collector', [repository.path])
          .ended;
        assert.equal(status, 0, `prune: ${output}`);
        runs++;
      }
      return runs;
    };
    const [one, two, pruned] = await Promise.all([write('one', 1), write('two', 2), collect()]);
    t.diagnostic(`${one} and ${two} backups, ${pruned} prunes, ${kept.size} snapshots`);
    assert.ok(one > 1 && two > 1 && pruned > 1);

    await using opened = await repository.open('reader');
    const complete = await completeSnapshots(opened.access);
    const known = new Map<string, string>();
    for (const [id, facts] of kept) {
      assert.ok(complete.includes(id), `${id} is lost`);
      assertSameTree(await factsInSnapshot(opened.access, id, { known }), facts, id);
    }
    const { damaged, findings } = await check(
      opened.access,
      { readData: 'all', workers: 1 },
      { clock: systemClock, signal: new AbortController().signal, report: () => undefined },
    );
    assert.ok(!damaged, findings.map(({ message }) => message).join('\n'));
  },
);
