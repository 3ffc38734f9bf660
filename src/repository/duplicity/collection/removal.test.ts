import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { faultyAt } from '#test/support/faulty-storage.ts';

import { MemoryStorage } from '../../../storage/drivers/memory/memory.ts';
import { type ArchiveFileName, FileNaming } from '../names/file-name.ts';
import type { ArchiveFile } from './backup-set.ts';
import { type Collection, listArchive, sortCollection } from './collection.ts';
import { executeRemoval } from './execute-removal.ts';
import {
  planCleanup,
  planKeepFull,
  planKeepIncrementals,
  planRemoveOlderThan,
  type RemovalPlan,
  setsStillNeeded,
  timeOfNthFull,
} from './removal.ts';

const naming = new FileNaming();
const t0 = 1_700_000_000;
const day = 86_400;

/** A set of a made-up history: the days it begins and ends, and its number of volumes. */
interface ModelSet {
  readonly start: number | undefined;
  readonly end: number;
  readonly volumes: number;
}

/** Both places of an archive, in memory. */
class Places {
  readonly storage = new MemoryStorage();
  readonly local = new Map<string, ArchiveFile>();
  readonly directory = {
    remove: async (name: string): Promise<void> => void this.local.delete(name),
  };

  async add(set: ModelSet): Promise<void> {
    for (const name of remoteNames(set)) await this.storage.put(name, new Uint8Array(1));
    for (const name of localNames(set)) this.addLocal(name);
  }

  addLocal(name: string): void {
    const file = naming.parse(name);
    assert.ok(file);
    this.local.set(name, { name, size: 1, file });
  }

  async collection(): Promise<Collection> {
    return sortCollection(await listArchive(this.storage, naming), Array.from(this.local.values()));
  }

  async names(): Promise<string[]> {
    const remote = await listArchive(this.storage, naming);
    return [
      ...remote.map(({ name }) => name),
      ...Array.from(this.local.keys(), (name) => `local ${name}`),
    ];
  }
}

function nameOf(set: ModelSet, more: Partial<ArchiveFileName>): string {
  return naming.make({
    kind: 'volume',
    set: set.start === undefined ? 'full' : 'incremental',
    start: set.start === undefined ? undefined : t0 + set.start * day,
    end: t0 + set.end * day,
    volume: undefined,
    coding: 'openpgp',
    partial: false,
    ...more,
  });
}

function remoteNames(set: ModelSet): string[] {
  return [
    nameOf(set, { kind: 'manifest' }),
    nameOf(set, { kind: 'signatures' }),
    nameOf(set, { kind: 'statistics' }),
    ...Array.from({ length: set.volumes }, (_, at) => nameOf(set, { volume: at + 1 })),
  ];
}

function localNames(set: ModelSet): string[] {
  return [
    nameOf(set, { kind: 'manifest', coding: 'plain' }),
    nameOf(set, { kind: 'signatures', coding: 'gzip' }),
  ];
}

function allNames(sets: readonly ModelSet[]): string[] {
  return sets
    .flatMap((set) => [...remoteNames(set), ...localNames(set).map((name) => `local ${name}`)])
    .toSorted();
}

/** Chains one after another: how many incremental sets each has, and how many volumes its sets have. */
const histories = fc
  .array(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((chains) => {
    let end = 0;
    return chains.map((sets) =>
      sets.map((volumes, at): ModelSet => {
        end += 1;
        return { start: at === 0 ? undefined : end - 1, end, volumes };
      }),
    );
  });

async function placesOf(history: readonly (readonly ModelSet[])[]): Promise<Places> {
  const places = new Places();
  for (const set of history.flat()) await places.add(set);
  return places;
}

/** What the three actions must leave, from the history alone. */
const actions: readonly {
  readonly plan: (collection: Collection, number: number) => RemovalPlan;
  readonly left: (history: readonly (readonly ModelSet[])[], number: number) => ModelSet[];
}[] = [
  {
    plan: (collection, number) => planRemoveOlderThan(collection, t0 + number * day),
    left: (history, number) =>
      history
        .filter((chain, at) => at === history.length - 1 || (chain.at(-1)?.end ?? 0) >= number)
        .flat(),
  },
  { plan: planKeepFull, left: (history, number) => history.slice(-number).flat() },
  {
    plan: planKeepIncrementals,
    left: (history, number) =>
      history.flatMap((chain, at) => (at < history.length - number ? chain.slice(0, 1) : chain)),
  },
];

test('removing leaves exactly what has to stay, wherever it was killed', async () => {
  await fc.assert(
    fc.asyncProperty(
      histories,
      fc.integer({ min: 1, max: 8 }),
      fc.constantFrom(...actions),
      fc.nat({ max: 60 }),
      async (history, number, { plan, left }, death) => {
        const whole = await placesOf(history);
        const expected = allNames(left(history, number));
        const planned = plan(await whole.collection(), number);
        await executeRemoval(planned, whole);
        assert.deepEqual((await whole.names()).toSorted(), expected);

        // Killed somewhere, seen by the next run: every chain is the beginning of what it was, what stays is untouched, and cleaning
        // up and repeating leads to the same end.
        const killed = await placesOf(history);
        const steps = planned.steps.slice(0, death % (planned.steps.length + 1));
        await executeRemoval({ steps }, killed);
        const seen = await killed.collection();
        assert.deepEqual(seen.orphaned, []);
        for (const chain of seen.chains) {
          const days = chain.sets.map(({ end }) => (end - t0) / day);
          const original = history.find(([full]) => full?.end === days[0]) ?? [];
          assert.deepEqual(days, original.map(({ end }) => end).slice(0, days.length));
          for (const [at, set] of chain.sets.entries()) {
            assert.equal(set.volumes.size, original[at]?.volumes);
          }
        }
        await executeRemoval(planCleanup(seen), killed);
        const cleaned = await killed.collection();
        assert.deepEqual(cleaned.findings, []);
        await executeRemoval(plan(cleaned, number), killed);
        assert.deepEqual((await killed.names()).toSorted(), expected);
      },
    ),
    { numRuns: 300 },
  );
});

test('cleaning up removes what is of no use, and nothing of what can be restored', async () => {
  await fc.assert(
    fc.asyncProperty(
      histories,
      fc.array(fc.nat({ max: 1000 }), { maxLength: 8 }),
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      async (history, losses, volumes, isInterrupted) => {
        const places = await placesOf(history);
        const all = allNames(history.flat());
        for (const loss of losses) {
          const name = all[loss % all.length] ?? '';
          if (name.startsWith('local ')) places.local.delete(name.slice(6));
          else await places.storage.delete(name);
        }
        const last = history.flat().at(-1)?.end ?? 0;
        const begun: ModelSet = { start: last, end: last + 1, volumes };
        for (const name of remoteNames(begun).slice(3)) {
          await places.storage.put(name, new Uint8Array(1));
        }
        if (isInterrupted) {
          for (const kind of ['manifest', 'signatures'] as const) {
            places.addLocal(nameOf(begun, { kind, coding: 'plain', partial: true }));
          }
        }
        const before = await places.collection();
        const names = before.chains.flatMap(({ sets }) =>
          sets.flatMap((set) => [set.manifest, set.signatures, ...set.volumes.values()]),
        );
        const plan = planCleanup(before);
        await executeRemoval(plan, places);
        const after = await places.collection();
        assert.deepEqual(after.chains.map(({ sets }) => sets.map(({ end }) => end)), before.chains.map(({ sets }) => sets.map(({ end }) => end))); // prettier-ignore
        const useless = new Set(
          before.findings.flatMap((finding) =>
            finding.kind === 'orphaned-signatures' ? [finding.file] : [],
          ),
        );
        const left = new Set(await places.names());
        for (const file of names) {
          if (file === undefined || useless.has(file)) continue;
          assert.ok(left.has(file.name), file.name);
        }
        assert.deepEqual(planCleanup(after).steps, []);
        assert.ok(
          after.findings.every(({ kind }) =>
            ['missing-volumes', 'missing-signatures'].includes(kind),
          ),
        );
        assert.equal(
          new Set(plan.steps.map(({ place, name }) => `${place} ${name}`)).size,
          plan.steps.length,
        );
      },
    ),
    { numRuns: 300 },
  );
});

test('the newest chain stays, and so do sets that others build upon', async () => {
  const places = await placesOf([
    [{ start: undefined, end: 1, volumes: 1 }, { start: 1, end: 2, volumes: 1 }], // prettier-ignore
    [{ start: undefined, end: 3, volumes: 1 }, { start: 3, end: 5, volumes: 1 }], // prettier-ignore
  ]);
  const collection = await places.collection();
  const later = planRemoveOlderThan(collection, t0 + 99 * day);
  assert.equal(later.chains.length, 1);
  assert.equal(later.spared, collection.chains[1]);
  const between = planRemoveOlderThan(collection, t0 + 4 * day);
  assert.deepEqual(
    between.sets.map(({ end }) => (end - t0) / day),
    [1, 2],
  );
  assert.equal(between.spared, undefined);
  const needed = setsStillNeeded(collection, t0 + 4 * day);
  assert.deepEqual(
    needed.map(({ end }) => (end - t0) / day),
    [3],
  );
  // duplicity would remove everything once no signatures match.
  for (const { name } of collection.remote.filter(({ file }) => file.kind === 'signatures')) {
    await places.storage.delete(name);
  }
  assert.equal(planRemoveOlderThan(await places.collection(), t0 + 99 * day).chains.length, 1);
  assert.equal(timeOfNthFull(collection, 2), t0 + day);
  assert.equal(timeOfNthFull(collection, 3), 0);
  assert.throws(() => planKeepFull(collection, 0), RangeError);
});

test('a set goes manifest first, then its signatures, then its volumes from the last to the first', async () => {
  const places = await placesOf([
    [{ start: undefined, end: 1, volumes: 3 }],
    [{ start: undefined, end: 2, volumes: 1 }],
  ]);
  const { steps } = planKeepFull(await places.collection(), 1);
  assert.deepEqual(
    steps.map(
      ({ place, name }) => `${place} ${name.replace(/^duplicity-full|\.\d{8}T\d{6}Z/gu, '')}`,
    ),
    [
      'remote .20231115T221320Z.manifest.gpg',
      'remote -signatures.20231115T221320Z.sigtar.gpg',
      'local .20231115T221320Z.manifest',
      'local -signatures.20231115T221320Z.sigtar.gz',
      'remote .20231115T221320Z.jsonstat.gpg',
      'remote .20231115T221320Z.vol3.difftar.gpg',
      'remote .20231115T221320Z.vol2.difftar.gpg',
      'remote .20231115T221320Z.vol1.difftar.gpg',
    ].map((line) => line.replace('.20231115T221320Z', '')),
  );
});

test('signatures that have outlived their chain go with their time', async () => {
  const places = await placesOf([[{ start: undefined, end: 5, volumes: 1 }]]);
  const gone: ModelSet = { start: undefined, end: 1, volumes: 0 };
  await places.storage.put(nameOf(gone, { kind: 'signatures' }), new Uint8Array(1));
  const collection = await places.collection();
  assert.deepEqual(planRemoveOlderThan(collection, t0 + day).steps, []);
  const plan = planRemoveOlderThan(collection, t0 + 2 * day);
  assert.deepEqual(plan.steps, [{ place: 'remote', name: nameOf(gone, { kind: 'signatures' }) }]);
  assert.deepEqual(plan.signatures, plan.steps);
  assert.deepEqual(planKeepIncrementals(collection, 1).steps, []);
});

test('a storage that fails stops a removal with its error, and it can be repeated', async () => {
  const history = [
    [{ start: undefined, end: 1, volumes: 2 }],
    [{ start: undefined, end: 2, volumes: 1 }],
  ];
  for (let number = 1; number <= 5; number++) {
    for (const after of [false, true]) {
      const places = await placesOf(history);
      const plan = planKeepFull(await places.collection(), 1);
      const error = new Error('down');
      const storage = faultyAt(places.storage, {
        method: 'delete',
        number,
        step: after ? { after: error } : error,
      });
      const removed: string[] = [];
      await assert.rejects(
        executeRemoval(
          plan,
          { storage, directory: places.directory },
          { onRemoved: ({ name }) => removed.push(name) },
        ),
        error,
      );
      assert.ok(removed.length < plan.steps.length);
      await executeRemoval(planCleanup(await places.collection()), places);
      await executeRemoval(planKeepFull(await places.collection(), 1), places);
      assert.deepEqual((await places.names()).toSorted(), allNames(history[1] ?? []));
    }
  }
});

test('an aborted removal removes nothing more', async () => {
  const places = await placesOf([[{ start: undefined, end: 1, volumes: 2 }], [{ start: undefined, end: 2, volumes: 1 }]]); // prettier-ignore
  const plan = planKeepFull(await places.collection(), 1);
  const controller = new AbortController();
  const reason = new Error('enough');
  let removed = 0;
  await assert.rejects(
    executeRemoval(plan, places, {
      signal: controller.signal,
      onRemoved: () => {
        if (++removed === 2) controller.abort(reason);
      },
    }),
    reason,
  );
  assert.equal(removed, 2);
});
