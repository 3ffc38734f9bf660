import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { damaging } from '#test/support/damaging-storage.ts';
import { systemClock } from '../base/clock.ts';
import { AppError, hasCode } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import { steered } from '#test/support/faulty-storage.ts';
import { operation, totalsInProgress } from '#test/support/operation.ts';
import { snapshotFiles } from '#test/support/sample-reading.ts';
import { backUpSample, SampleRepository } from '#test/support/sample-repository.ts';
import { checkRepository } from '../repository/native/check/check-repository.ts';
import { listSnapshots } from '../repository/native/reader/snapshot-list.ts';
import { forward } from '../storage/layers/forward.ts';
import type { Storage } from '../storage/storage.ts';
import { copy, planCopy } from './copy.ts';

const packTarget = 64 * 1024;
const noise = (length: number): Uint8Array => systemRandom(length);

void test('copies snapshots into a repository with other keys, once, reading content once', async () => {
  const from = new SampleRepository({ packTarget });
  const to = new SampleRepository({ packTarget, seed: 33 });
  const [source, target] = [from.host(), to.host()];
  const files = { 'a/x': noise(100_000), 'a/b/c/y': 'small', empty: '', z: noise(50_000) };
  const first = await backUpSample(source, files);
  from.clock.advance(1000);
  await backUpSample(source, { ...files, more: noise(2000) });
  const context = operation(from.clock);
  const place = { access: target.access, sealSequence: target.sequence };
  const input = { timeZone: 'UTC' };
  const plan = await planCopy(source.access, target.access, input, context);
  assert.equal(plan.snapshots.length, 2);
  const summary = await copy(source.access, place, plan, { workers: 2 }, context);
  // Samples have no statistics, but a total there is.
  assert.deepEqual(totalsInProgress(context.events), [0]);
  assert.ok(summary.bytesRead < 155_000, 'what both snapshots share is read once');
  const copies = (await listSnapshots(target.access)).snapshots;
  assert.equal(copies.length, 2);
  const copied = copies[0]!;
  assert.equal(copied.final.origin?.snapshotId, first);
  assert.deepEqual(
    await snapshotFiles(target.access, copied.final.id),
    new Map(Object.entries(files)),
  );
  const original = (await listSnapshots(source.access)).snapshots[0]!;
  const told = ({ snapshot }: typeof original): unknown[] => [
    snapshot.time,
    snapshot.hostname,
    snapshot.paths,
    snapshot.tags,
  ];
  assert.deepEqual(told(copied), told(original));
  const { affected, findings } = await checkRepository(target.access, {
    readData: 'all',
    workers: 1,
  });
  assert.deepEqual(affected, []);
  assert.deepEqual(
    findings.filter(({ object }) => object?.startsWith('packs/')),
    [],
  );

  const again = await planCopy(source.access, target.access, input, context);
  assert.deepEqual([again.snapshots.length, again.already], [0, 2]);
  // Back into the first one: the originals are there.
  const back = await planCopy(target.access, source.access, input, context);
  assert.deepEqual([back.snapshots.length, back.already], [0, 2]);

  from.clock.advance(1000);
  await backUpSample(source, { ...files, newest: noise(3000) });
  const third = await copy(
    source.access,
    place,
    await planCopy(source.access, target.access, input, context),
    { workers: 1 },
    context,
  );
  assert.equal(third.bytesRead, 3000, 'what was copied before is not read again');
});

describe('a copy by several threads', () => {
  // More than the threads have room for at once.
  const count = 160;
  const length = 50_000;
  const files = Object.fromEntries(
    Array.from({ length: count }, (_, number) => [`d${number % 7}/f${number}`, noise(length)]),
  );

  class Scene {
    readonly from = new SampleRepository({ packTarget });
    readonly to = new SampleRepository({ packTarget, seed: 33 });
    readonly source = this.from.host();
    readonly target = this.to.host();

    /** Copies everything there is, the source and the target seen through these storages. */
    async copy(
      { source = this.from.storage, target = this.to.storage },
      stop = new AbortController(),
    ): Promise<{ readonly bytesRead: number }> {
      const from = this.from.through(this.source, source);
      const to = this.to.through(this.target, target);
      const place = { access: to.access, sealSequence: to.sequence };
      const context = { ...operation(this.from.clock), signal: stop.signal };
      const plan = await planCopy(from.access, to.access, { timeZone: 'UTC' }, context);
      return await copy(from.access, place, plan, { workers: 2 }, context);
    }

    async copied(): Promise<ReadonlyMap<string, unknown>> {
      const [only, ...others] = (await listSnapshots(this.target.access)).snapshots;
      assert.deepEqual(others, []);
      return await snapshotFiles(this.target.access, only!.final.id);
    }

    async dataPacks(): Promise<string[]> {
      const names: string[] = [];
      for await (const { name, size } of this.from.storage.list('packs/')) {
        if (size > 30_000) names.push(name);
      }
      return names;
    }
  }

  test('takes the other copy of what is damaged', async () => {
    const scene = new Scene();
    await backUpSample(scene.source, files);
    const [damaged] = await scene.dataPacks();
    // A machine that knows nothing of the first pack stores its content once more.
    const index = await scene.from.names('index/');
    const blind: Storage = {
      ...forward(scene.from.storage),
      async *list(prefix, options) {
        for await (const object of scene.from.storage.list(prefix, options)) {
          if (!index.includes(object.name) && object.name !== damaged) yield object;
        }
      },
    };
    await backUpSample(scene.from.through(scene.source, blind), { ...files, more: noise(10) });
    const source = damaging(scene.from.storage, (name) =>
      name === damaged ? { byte: 1300 } : undefined,
    );
    await scene.copy({ source });
    const { snapshots } = await listSnapshots(scene.target.access);
    assert.equal(snapshots.length, 2);
    for (const { final } of snapshots) {
      const all = await snapshotFiles(scene.target.access, final.id);
      for (const [path, content] of Object.entries(files)) assert.deepEqual(all.get(path), content);
    }
  });

  test('ends without a snapshot where content is damaged for good', async () => {
    const scene = new Scene();
    await backUpSample(scene.source, files);
    const [damaged] = await scene.dataPacks();
    const source = damaging(scene.from.storage, (name) =>
      name === damaged ? { byte: 1300 } : undefined,
    );
    await assert.rejects(scene.copy({ source }), (error) => hasCode(error, 'repository/damaged'));
    assert.deepEqual(await scene.to.names('snapshots/'), []);
    // What was copied is taken up when the source is whole again.
    await scene.copy({});
    assert.deepEqual(await scene.copied(), new Map(Object.entries(files)));
  });

  test('is a success if nothing can be deleted after it', async () => {
    const scene = new Scene();
    await backUpSample(scene.source, files);
    const target = steered(scene.to.storage, (method) =>
      method === 'delete' ? new AppError('storage/out-of-space', 'No more') : undefined,
    );
    await scene.copy({ target });
    assert.deepEqual(await scene.copied(), new Map(Object.entries(files)));
  });

  for (const [what, fails] of [
    ['the target takes no pack', { target: 'packs/' }],
    ['the source gives no pack', { source: 'packs/' }],
  ] as const) {
    test(`ends when ${what}`, { timeout: 60_000 }, async () => {
      const scene = new Scene();
      await backUpSample(scene.source, files);
      const data = await scene.dataPacks();
      let calls = 0;
      const refusing = (storage: Storage, isRefused: (name: string) => boolean): Storage => {
        const check = (name: string): void => {
          if (isRefused(name) && ++calls > 1) throw new AppError('storage/out-of-space', 'No more');
        };
        return {
          ...forward(storage),
          async put(name, ...rest) {
            check(name);
            await storage.put(name, ...rest);
          },
          async read(name, ...rest) {
            check(name);
            return await storage.read(name, ...rest);
          },
        };
      };
      const source = refusing(
        scene.from.storage,
        (name) => 'source' in fails && data.includes(name),
      );
      const target = refusing(
        scene.to.storage,
        (name) => 'target' in fails && name.startsWith('packs/'),
      );
      await assert.rejects(scene.copy({ source, target }), (error) =>
        hasCode(error, 'storage/out-of-space'),
      );
      assert.ok(calls > 1);
      assert.deepEqual(await scene.to.names('snapshots/'), []);
      await scene.copy({});
      assert.deepEqual(await scene.copied(), new Map(Object.entries(files)));
    });
  }

  test('stops when it is told to, in the middle of content', { timeout: 60_000 }, async () => {
    const scene = new Scene();
    await backUpSample(scene.source, files);
    const stop = new AbortController();
    const reason = new AppError('interrupted', 'Stop');
    const data = await scene.dataPacks();
    const source: Storage = {
      ...forward(scene.from.storage),
      async read(name, options) {
        if (data.includes(name)) stop.abort(reason);
        return await scene.from.storage.read(name, options);
      },
    };
    await assert.rejects(scene.copy({ source }, stop), reason);
    assert.deepEqual(await scene.to.names('snapshots/'), []);
  });

  test('reads several packs at once, and each once', async () => {
    const scene = new Scene();
    await backUpSample(scene.source, files);
    const data = new Set(await scene.dataPacks());
    let reads = 0;
    let [running, most] = [0, 0];
    const source: Storage = {
      ...forward(scene.from.storage),
      async read(name, options) {
        if (!data.has(name)) return await scene.from.storage.read(name, options);
        reads++;
        most = Math.max(most, ++running);
        await systemClock.sleep(5);
        running--;
        return await scene.from.storage.read(name, options);
      },
    };
    const { bytesRead } = await scene.copy({ source });
    assert.equal(bytesRead, count * length);
    assert.equal(reads, data.size);
    assert.ok(most > 1);
  });
});
