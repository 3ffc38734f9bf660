import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { steered, type Step } from '#test/support/faulty-storage.ts';
import { logged, type LoggedMoment } from '#test/support/logged-storage.ts';
import {
  backUp,
  backUpOnce,
  createSmall,
  machine,
  openSmall,
  type SmallBackup,
} from '#test/support/small-repository.ts';
import {
  assertSameTree,
  completeSnapshots,
  factsInSnapshot,
  factsOnDisk,
} from '#test/support/stored-tree.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { toHex } from '../base/bytes.ts';
import { systemClock, type Clock } from '../base/clock.ts';
import { AppError, hasCode } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import type { LocalPlaces } from '../repository/native/native-repository.ts';
import { finalName, objectPrefixes, sealName } from '../repository/native/objects/object-name.ts';
import { decodeSeal } from '../repository/native/objects/seal.ts';
import { encodeTombstone } from '../repository/native/objects/tombstone.ts';
import { MemoryStorage } from '../storage/drivers/memory/memory.ts';

/** An hour ahead, so that what was just written counts as old enough to be remembered. */
const lateClock: Clock = { ...systemClock, now: () => Date.now() + 3_600_000 };

interface Scene extends AsyncDisposable {
  readonly storage: MemoryStorage;
  readonly source: string;
  readonly places: LocalPlaces;
  readonly input: SmallBackup;
  /** A machine that has never been here. */
  elsewhere(name: string): LocalPlaces;
  names(prefix: string): Promise<string[]>;
}

async function scene(): Promise<Scene> {
  const directory = await temporaryDirectory();
  const storage = new MemoryStorage();
  const source = `${directory.path}/source`;
  mkdirSync(`${source}/deep/er`, { recursive: true });
  for (let index = 0; index < 12; index++) {
    writeFileSync(`${source}/deep/file-${index}`, randomBytes(500 + index));
  }
  writeFileSync(`${source}/deep/er/text`, 'text '.repeat(2000));
  const places = machine(directory.path, 'laptop', lateClock);
  await createSmall(storage, places);
  return {
    storage,
    source,
    places,
    input: { paths: [source], clock: lateClock },
    elsewhere: (name) => machine(directory.path, name, lateClock),
    names: async (prefix) => (await Array.fromAsync(storage.list(prefix))).map(({ name }) => name),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

/** Backs up to a storage where something happens at certain calls. */
function backUpWith(
  { storage, places, input }: Scene,
  choose: (method: string, name: string) => Step,
  more: Partial<SmallBackup> = {},
): Promise<string> {
  return backUpOnce(steered(storage, choose), places, { ...input, ...more });
}

/** The last snapshot is what is on disk, and reads from what is in the storage now. */
async function assertRestores(
  { storage, places, source }: Scene,
  snapshotId: string,
): Promise<void> {
  await using repository = await openSmall(storage, { ...places, cacheDirectory: undefined });
  assertSameTree(await factsInSnapshot(repository.access, snapshotId), factsOnDisk(source));
}

/** As a collector on another machine of the owner would. */
async function publishTombstone(
  { storage, elsewhere }: Scene,
  what: { readonly packs?: readonly string[]; readonly snapshots?: readonly string[] },
): Promise<string> {
  await using repository = await openSmall(storage, elsewhere('collector'));
  const { name, bytes } = encodeTombstone(
    {
      runId: toHex(systemRandom(16)),
      packs: what.packs ?? [],
      snapshots: what.snapshots ?? [],
      time: Date.now(),
    },
    repository.access.signing,
  );
  await storage.put(name, bytes);
  return name;
}

function hashOf(packObject: string): string {
  return packObject.slice(-64);
}

function idOf(object: string): string {
  return object.slice(-32);
}

/** Where in a log a call began or ended, all of them. */
function momentsOf(log: readonly LoggedMoment[], wanted: Partial<LoggedMoment>): number[] {
  return log.flatMap((entry, index) => {
    const fits =
      (wanted.method === undefined || entry.method === wanted.method) &&
      (wanted.moment === undefined || entry.moment === wanted.moment) &&
      (wanted.name === undefined || entry.name.startsWith(wanted.name));
    return fits ? [index] : [];
  });
}

describe('backup protocol', () => {
  test('every step is answered before the next begins', async () => {
    await using at = await scene();
    for (const round of [1, 2]) {
      writeFileSync(`${at.source}/new-${round}`, randomBytes(1000));
      const storage = logged(at.storage);
      const id = await backUpOnce(storage, { ...at.places, cacheDirectory: undefined }, at.input);
      const { log } = storage;
      const steps: readonly (readonly Partial<LoggedMoment>[])[] = [
        [{ method: 'put', name: objectPrefixes.pending }],
        [{ method: 'list', name: objectPrefixes.index }],
        [{ method: 'put', name: objectPrefixes.pack }],
        [{ method: 'put', name: objectPrefixes.index }],
        [{ method: 'put', name: finalName(id) }],
      ];
      let last = -1;
      for (const [step] of steps) {
        const begins = momentsOf(log, { ...step, moment: 'begin' });
        const ends = momentsOf(log, { ...step, moment: 'end' });
        assert.ok(begins.length > 0, JSON.stringify(step));
        assert.ok(begins[0]! > last, `${JSON.stringify(step)} begins too early`);
        last = ends.at(-1)!;
      }
      const seal = momentsOf(log, { method: 'put', name: objectPrefixes.seal, moment: 'begin' });
      const sealed = momentsOf(log, { method: 'put', name: objectPrefixes.seal, moment: 'end' });
      assert.equal(seal.length, 1);
      // W7 entirely, then W8 entirely, both between final and seal.
      const between = (wanted: Partial<LoggedMoment>, from: number, to: number): number[] =>
        momentsOf(log, wanted).filter((index) => index > from && index < to);
      const w7 = between({ method: 'list', name: objectPrefixes.tombstone }, last, seal[0]!);
      assert.equal(w7.length, 2, 'one listing of tombstones');
      const asked = (from: number): number[] => [
        ...between({ method: 'stat', name: objectPrefixes.pack }, from, seal[0]!),
        ...between({ method: 'list', name: objectPrefixes.pack }, from, seal[0]!),
      ];
      const packs = (await at.names(objectPrefixes.pack)).length;
      assert.equal(asked(w7[1]!).length, 2 * packs, 'each pack, after the tombstones');
      assert.equal(asked(last).length, 2 * packs, 'none before the tombstones');
      const w11 = between(
        { method: 'list', name: objectPrefixes.tombstone },
        sealed[0]!,
        log.length,
      );
      assert.equal(w11.length, 2);
      const looks = between({ method: 'stat', name: finalName(id) }, w11[1]!, log.length);
      assert.equal(looks.length, 2, 'the final, after the tombstones');
      const ending = momentsOf(log, {
        method: 'delete',
        name: objectPrefixes.pending,
        moment: 'begin',
      });
      assert.ok(ending.length === 1 && ending[0]! > looks[1]!);
      assert.deepEqual(await at.names(objectPrefixes.pending), []);
      await assertRestores(at, id);
    }
  });

  test('whatever a writer stores something below is prepared before', async () => {
    await using at = await scene();
    const prepared: string[] = [];
    const recording = logged(at.storage);
    const putNames = (): string[] =>
      recording.log
        .filter(({ method, name }) => method === 'put' && !name.startsWith(objectPrefixes.pending))
        .map(({ name }) => name);
    const storage = {
      ...recording,
      async prepare(prefixes: readonly string[]) {
        assert.deepEqual(putNames(), [], 'too late');
        prepared.push(...prefixes);
        throw new Error('is of no interest');
      },
    };
    const id = await backUpOnce(storage, at.places, at.input);
    assert.ok(putNames().length > 0);
    for (const name of putNames())
      assert.ok(prepared.includes(name.slice(0, name.indexOf('/') + 1)), name);
    await assertRestores(at, id);
  });

  test('nothing is replaced or deleted but the own pending record', async () => {
    await using at = await scene();
    await backUpOnce(at.storage, at.places, at.input);
    const before = new Set(await at.names(''));
    const storage = logged(at.storage);
    writeFileSync(`${at.source}/more`, randomBytes(100));
    await backUpOnce(storage, at.places, at.input);
    for (const { method, name } of storage.log) {
      if (method === 'put') assert.ok(!before.has(name), `${name} was replaced`);
      if (method === 'delete') assert.ok(name.startsWith(objectPrefixes.pending), name);
    }
  });

  test('at the moment of sealing everything the snapshot needs is in the storage', async () => {
    await using at = await scene();
    let looked = 0;
    await backUpWith(at, (method, name) =>
      method === 'put' && name.startsWith(objectPrefixes.seal)
        ? {
            before: async () => {
              looked++;
              await using repository = await openSmall(at.storage, at.elsewhere('reader'));
              const facts = await factsInSnapshot(repository.access, idOf(name), { sealed: false });
              assert.deepEqual(facts, factsOnDisk(at.source));
            },
          }
        : undefined,
    );
    assert.equal(looked, 1);
  });

  test('an unchanged run stores only a final and a seal', async () => {
    await using at = await scene();
    await backUpOnce(at.storage, at.places, at.input);
    const before = new Set(await at.names(''));
    const id = await backUpOnce(at.storage, at.places, at.input);
    const added = (await at.names('')).filter((name) => !before.has(name));
    assert.deepEqual(added.toSorted(), [sealName(id), finalName(id)].toSorted());
    await assertRestores(at, id);
  });

  for (const cached of [true, false]) {
    const how = cached ? 'what the cache calls unchanged' : 'what the index still names';
    test(`${how} is stored again when a tombstone appears before W7`, async () => {
      await using at = await scene();
      await backUpOnce(at.storage, at.places, at.input);
      const packs = await at.names(objectPrefixes.pack);
      let published = false;
      const id = await backUpWith(
        at,
        (method, name) =>
          !published && method === 'put' && name.startsWith(objectPrefixes.final)
            ? {
                before: async () => {
                  published = true;
                  await publishTombstone(at, { packs: packs.map(hashOf) });
                },
              }
            : undefined,
        { forceRead: !cached },
      );
      assert.ok(published);
      for (const pack of packs) await at.storage.delete(pack);
      await assertRestores(at, id);
    });

    test(`${how} is stored again when a pack vanishes before W8`, async () => {
      await using at = await scene();
      await backUpOnce(at.storage, at.places, at.input);
      const packs = await at.names(objectPrefixes.pack);
      let final = false;
      let deleted = false;
      const id = await backUpWith(
        at,
        (method, name) => {
          if (method === 'put' && name.startsWith(objectPrefixes.final)) final = true;
          if (!final || deleted || method !== 'list' || name !== objectPrefixes.tombstone) {
            return undefined;
          }
          deleted = true;
          return {
            before: async () => {
              for (const pack of packs) await at.storage.delete(pack);
            },
          };
        },
        { forceRead: !cached },
      );
      assert.ok(deleted);
      await assertRestores(at, id);
      // The index still names what is gone; that must not stop the runs after this one either.
      writeFileSync(`${at.source}/later`, 'later');
      await assertRestores(at, await backUpOnce(at.storage, at.places, at.input));
    });
  }

  test('a pack that has another size is as good as gone', async () => {
    await using at = await scene();
    await backUpOnce(at.storage, at.places, at.input);
    for (const pack of await at.names(objectPrefixes.pack)) {
      await at.storage.put(pack, (await at.storage.read(pack)).subarray(0, -1));
    }
    await assertRestores(at, await backUpOnce(at.storage, at.places, at.input));
  });

  test('an unchanged directory whose packs were collected is stored again, whatever the cache says', async () => {
    await using at = await scene();
    const first = await backUpOnce(at.storage, at.places, at.input);
    for (const name of await at.names('')) {
      if (/^(?:packs|index|snapshots|seals)\//u.test(name)) await at.storage.delete(name);
    }
    const id = await backUpOnce(at.storage, at.places, at.input);
    assert.notEqual(id, first);
    await assertRestores(at, id);
  });

  for (const way of ['deleted', 'named by a tombstone'] as const) {
    test(`a final that is ${way} after the seal gets a successor that voids it`, async () => {
      await using at = await scene();
      const lost: string[] = [];
      const id = await backUpWith(at, (method, name) => {
        if (lost.length === 2 || method !== 'list' || name !== objectPrefixes.tombstone) {
          return undefined;
        }
        return {
          before: async () => {
            const seal = (await at.names(objectPrefixes.seal)).find(
              (found) => !lost.includes(idOf(found)),
            );
            if (seal === undefined) return;
            lost.push(idOf(seal));
            if (way === 'deleted') await at.storage.delete(finalName(idOf(seal)));
            else await publishTombstone(at, { snapshots: [idOf(seal)] });
          },
        };
      });
      assert.equal(lost.length, 2);
      assert.ok(!lost.includes(id));
      await using repository = await openSmall(at.storage, at.places);
      const seal = await at.storage.read(sealName(id));
      const { value } = decodeSeal(sealName(id), seal, repository.access.verifying);
      assert.equal(value.sequence, 3);
      assert.deepEqual(value.voided, [1, 2]);
      await assertRestores(at, id);
      if (way === 'deleted') assert.deepEqual(await completeSnapshots(repository.access), [id]);
    });
  }

  test('packs of an interrupted run are adopted by the next run of the same machine only', async () => {
    await using at = await scene();
    const offline = new AppError('storage/unavailable', 'Gone');
    await assert.rejects(
      backUpWith(at, (method, name) =>
        method === 'put' && name.startsWith(objectPrefixes.index) ? offline : undefined,
      ),
      (error) => error === offline,
    );
    const packs = await at.names(objectPrefixes.pack);
    assert.ok(packs.length > 0);
    assert.deepEqual(await at.names(objectPrefixes.index), []);
    assert.equal((await at.names(objectPrefixes.pending)).length, 1);

    const other = at.elsewhere('other');
    await using copy = await scene();
    for (const name of await at.names('')) {
      if (!(await copy.names('')).includes(name)) {
        await copy.storage.put(name, await at.storage.read(name));
      }
    }
    // The other machine stores everything itself: it cannot know what the first one uploaded.
    const otherStorage = new MemoryStorage();
    for (const name of await at.names(''))
      await otherStorage.put(name, await at.storage.read(name));
    await backUpOnce(otherStorage, other, at.input);
    const stored = await Array.fromAsync(otherStorage.list(objectPrefixes.pack));
    assert.equal(stored.length, packs.length * 2);

    const notices: string[] = [];
    const id = await backUpOnce(at.storage, at.places, {
      ...at.input,
      report(event) {
        if (event.type === 'notice') notices.push(event.message);
      },
    });
    assert.deepEqual(await at.names(objectPrefixes.pack), packs);
    assert.match(notices.join(), /interrupted/u);
    await assertRestores(at, id);
  });

  test('a damaged pack of an interrupted run is not adopted', async () => {
    await using at = await scene();
    const offline = new AppError('storage/unavailable', 'Gone');
    await assert.rejects(
      backUpWith(at, (method, name) =>
        method === 'put' && name.startsWith(objectPrefixes.index) ? offline : undefined,
      ),
    );
    for (const name of await at.names(objectPrefixes.pack)) {
      const bytes = Uint8Array.from(await at.storage.read(name));
      bytes[1400] = bytes[1400]! ^ 1;
      await at.storage.put(name, bytes);
    }
    await assertRestores(at, await backUpOnce(at.storage, at.places, at.input));
  });

  test('objects that are not ours are in nobody’s way', async () => {
    await using at = await scene();
    for (const prefix of Object.values(objectPrefixes)) {
      await at.storage.put(`${prefix}readme.txt`, Buffer.from('foreign'));
    }
    await at.storage.put('notes.txt', Buffer.from('foreign'));
    await assertRestores(at, await backUpOnce(at.storage, at.places, at.input));
    await assertRestores(at, await backUpOnce(at.storage, at.places, at.input));
  });

  test('a tombstone that cannot be read stops the backup: it might name anything', async () => {
    await using at = await scene();
    await at.storage.put(`tombstones/${'0'.repeat(32)}`, randomBytes(348));
    await assert.rejects(backUpOnce(at.storage, at.places, at.input), (error) =>
      hasCode(error, 'repository/damaged'),
    );
    assert.deepEqual(await at.names(objectPrefixes.seal), []);
  });

  test('two machines at once keep their sequences apart, and one machine counts on', async () => {
    await using at = await scene();
    const [one, two] = await Promise.all([
      backUpOnce(at.storage, at.places, at.input),
      backUpOnce(at.storage, at.elsewhere('desktop'), at.input),
    ]);
    const three = await backUpOnce(at.storage, at.places, at.input);
    await using repository = await openSmall(at.storage, at.places);
    const sequences: number[] = [];
    for (const id of [one, two, three]) {
      const bytes = await at.storage.read(sealName(id));
      sequences.push(decodeSeal(sealName(id), bytes, repository.access.verifying).value.sequence);
      await assertRestores(at, id);
    }
    assert.deepEqual(sequences, [1, 1, 2]);
    assert.deepEqual(
      (await completeSnapshots(repository.access)).toSorted(),
      [one, two, three].toSorted(),
    );
  });

  test('two backups of one machine at once both succeed', async () => {
    await using at = await scene();
    const ids = await Promise.all([1, 2].map(() => backUpOnce(at.storage, at.places, at.input)));
    for (const id of ids) await assertRestores(at, id);
    await using repository = await openSmall(at.storage, at.places);
    assert.deepEqual((await completeSnapshots(repository.access)).toSorted(), ids.toSorted());
  });

  test('a lost state directory goes on with a new machine identity', async () => {
    await using at = await scene();
    await backUpOnce(at.storage, at.places, at.input);
    rmSync(at.places.stateDirectory, { recursive: true });
    const id = await backUpOnce(at.storage, at.places, at.input);
    await assertRestores(at, id);
  });

  test('an abort ends with its reason, leaves no seal, and the next run succeeds', async () => {
    await using at = await scene();
    const controller = new AbortController();
    const reason = new AppError('interrupted', 'Stop');
    await assert.rejects(
      backUpWith(
        at,
        (method, name) => {
          if (method === 'put' && name.startsWith(objectPrefixes.final)) controller.abort(reason);
          return undefined;
        },
        { signal: controller.signal },
      ),
      (error) => error === reason,
    );
    assert.deepEqual(await at.names(objectPrefixes.seal), []);
    await using repository = await openSmall(at.storage, at.places);
    const summary = await backUp(repository, at.input);
    await assertRestores(at, summary.snapshot!);
  });
});
