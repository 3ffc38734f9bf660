import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { flipStoredBit } from '#test/support/damaging-storage.ts';
import { snapshotFiles } from '#test/support/sample-reading.ts';
import {
  backUpSample,
  type SampleHost,
  SampleRepository,
} from '#test/support/sample-repository.ts';
import type { SampleFiles } from '#test/support/sample-tree.ts';
import { systemRandom } from '../../../base/random.ts';
import { forward } from '../../../storage/layers/forward.ts';
import type { Storage } from '../../../storage/storage.ts';
import type { Access } from '../access.ts';
import { finalName, objectPrefixes, packName } from '../objects/object-name.ts';
import { collect } from './collect.ts';
import { forgetSnapshots } from './forget.ts';
import { planCollection } from './prune-plan.ts';

const noise = (length: number): Uint8Array => systemRandom(length);
const packTarget = 64 * 1024;

/** Two snapshots of different files, each in packs of its own. */
async function scene(): Promise<{
  readonly sample: SampleRepository;
  readonly host: SampleHost;
  readonly files: SampleFiles;
  /** The first, and the packs that it has for itself. */
  readonly first: string;
  readonly packsOfFirst: readonly string[];
  readonly second: string;
}> {
  const sample = new SampleRepository({ packTarget });
  const host = sample.host();
  const first = await backUpSample(host, { x: noise(200_000) });
  const packsOfFirst = await sample.names(objectPrefixes.pack);
  const files: SampleFiles = { y: noise(200_000) };
  const second = await backUpSample(sample.host(), files);
  return { sample, host, files, first, packsOfFirst, second };
}

/** The same machine, which does not know who another is. */
function withoutSigner({ access }: SampleHost, id: string): Access {
  const { verifying } = access;
  const findSigner: typeof verifying.findSigner = (signer) =>
    signer === id ? undefined : verifying.findSigner(signer);
  return { ...access, verifying: { ...verifying, findSigner } };
}

async function largest({ storage }: SampleRepository, names: readonly string[]): Promise<string> {
  const sizes = await Promise.all(names.map(async (name) => (await storage.stat(name)).size));
  return names[sizes.indexOf(Math.max(...sizes))]!;
}

/** What is read of an object in part is not what is there. */
function withBadRanges({ storage }: SampleRepository, object: string): Storage {
  return {
    ...forward(storage),
    async read(name, options) {
      const bytes = await storage.read(name, options);
      return name === object && options?.range !== undefined ? noise(bytes.length) : bytes;
    },
  };
}

async function dropIndex({ storage }: SampleRepository): Promise<void> {
  const listed = await Array.fromAsync(storage.list(objectPrefixes.index));
  for (const { name } of listed) await storage.delete(name);
}

describe('a pack that cannot be read', () => {
  test('goes if it is destroyed and nothing is missing, whether the index names it or not', async () => {
    for (const isIndexed of [true, false]) {
      const { sample, host, files, first, packsOfFirst, second } = await scene();
      await forgetSnapshots(host.access, [{ id: first, seal: undefined }]);
      const pack = await largest(sample, packsOfFirst);
      await sample.storage.put(pack, noise(5000));
      if (!isIndexed) await dropIndex(sample);
      const plan = await planCollection(host.access);
      assert.equal(plan.destroyed.length, 1);
      await collect(host.access, plan);
      assert.ok(!(await sample.names(objectPrefixes.pack)).includes(pack));
      assert.deepEqual(await snapshotFiles(host.access, second), new Map(Object.entries(files)));
    }
  });

  test('stays if all that is known is that its signer is not, even where it is damaged', async () => {
    const { sample, host, first, packsOfFirst } = await scene();
    const other = sample.host();
    await forgetSnapshots(other.access, [{ id: first, seal: undefined }]);
    await dropIndex(sample);
    const stranger = withoutSigner(other, host.access.hostId);
    const pack = await largest(sample, packsOfFirst);
    await flipStoredBit(sample.storage, pack, { byte: 5000 });
    const plan = await planCollection(stranger);
    assert.deepEqual(plan.destroyed, []);
    await collect(stranger, plan);
    for (const name of packsOfFirst) assert.ok((await sample.storage.stat(name)).size > 0);
  });

  test('stays while anything that is used is missing, and so does any other', async () => {
    const { sample, host, first, packsOfFirst, second } = await scene();
    await forgetSnapshots(host.access, [{ id: first, seal: undefined }]);
    await dropIndex(sample);
    const all = await sample.names(objectPrefixes.pack);
    const needed = await largest(
      sample,
      all.filter((name) => !packsOfFirst.includes(name)),
    );
    const needless = await largest(sample, packsOfFirst);
    for (const name of [needed, needless]) await sample.storage.put(name, noise(5000));
    assert.deepEqual((await planCollection(host.access)).destroyed, []);
    // Also if that comes to light after the plan was made: here the record that forgets it is taken back.
    const final = finalName(second);
    const bytes = await sample.storage.read(final);
    const records = await sample.names(objectPrefixes.forget);
    await forgetSnapshots(host.access, [{ id: second, seal: undefined }]);
    const plan = await planCollection(host.access);
    assert.equal(plan.destroyed.length, 2);
    for (const name of await sample.names(objectPrefixes.forget)) {
      if (!records.includes(name)) await sample.storage.delete(name);
    }
    await sample.storage.put(final, bytes);
    await collect(host.access, plan);
    const left = await sample.names(objectPrefixes.pack);
    for (const name of [needed, needless]) assert.ok(left.includes(name), name);
  });

  for (const isIndexed of [false, true]) {
    test(`a pack that can be read again since the plan stays, ${isIndexed ? '' : 'not '}named by the index`, async () => {
      const sample = new SampleRepository({ packTarget });
      const host = sample.host();
      await backUpSample(host, { a: 'there before' });
      const early = await sample.names('');
      const files: SampleFiles = { x: noise(200_000) };
      const id = await backUpSample(host, files);
      // As a collector finds it while the packs are on their way, or come back badly: no snapshot is there yet.
      const late = new Map<string, Uint8Array>();
      for (const name of await sample.names('')) {
        if (early.includes(name)) continue;
        const bytes = await sample.storage.read(name);
        if (name.startsWith(objectPrefixes.pack)) {
          await sample.storage.put(name, bytes.subarray(0, bytes.length / 2));
        } else if (isIndexed && name.startsWith(objectPrefixes.index)) continue;
        else await sample.storage.delete(name);
        late.set(name, bytes);
      }
      const plan = await planCollection(host.access);
      assert.ok(plan.destroyed.length > 1);
      for (const [name, bytes] of late) await sample.storage.put(name, bytes);
      assert.equal((await collect(host.access, plan)).deletedPacks, 0);
      assert.deepEqual(await snapshotFiles(host.access, id), new Map(Object.entries(files)));
    });
  }
});

describe('a pack that was destroyed when the prune was planned', () => {
  async function destroyed() {
    const all = await scene();
    const { sample, host, first, packsOfFirst } = all;
    const other = sample.host();
    await forgetSnapshots(host.access, [{ id: first, seal: undefined }]);
    await dropIndex(sample);
    const pack = await largest(sample, packsOfFirst);
    const bytes = await sample.storage.read(pack);
    await sample.storage.put(pack, bytes.subarray(0, 5000));
    const plan = await planCollection(other.access);
    assert.equal(plan.destroyed.length, 1);
    await sample.storage.put(pack, bytes);
    return { ...all, other, pack, plan };
  }

  test('stays if it is whole now, even where its table comes across the line badly', async () => {
    const { sample, other, pack, plan } = await destroyed();
    await collect({ ...other.access, storage: withBadRanges(sample, pack) }, plan);
    assert.ok((await sample.names(objectPrefixes.pack)).includes(pack));
  });

  test('stays if its signer is not known now', async () => {
    const { sample, host, other, pack, plan } = await destroyed();
    await flipStoredBit(sample.storage, pack, { byte: 5000 });
    await collect(withoutSigner(other, host.access.hostId), plan);
    assert.ok((await sample.names(objectPrefixes.pack)).includes(pack));
  });
});

describe('a victim whose own table cannot be read', () => {
  test('goes if it is destroyed and was not needed', async () => {
    const { sample, host, first, packsOfFirst } = await scene();
    await forgetSnapshots(host.access, [{ id: first, seal: undefined }]);
    const plan = await planCollection(host.access);
    const pack = await largest(sample, packsOfFirst);
    const bytes = await sample.storage.read(pack);
    await sample.storage.put(pack, noise(bytes.length));
    const { kept } = await collect(host.access, plan);
    assert.deepEqual(kept, []);
    assert.ok(!(await sample.names(objectPrefixes.pack)).includes(pack));
  });

  test('stays if it only came across the line badly', async () => {
    const { sample, host, first, packsOfFirst } = await scene();
    await forgetSnapshots(host.access, [{ id: first, seal: undefined }]);
    const plan = await planCollection(host.access);
    const pack = await largest(sample, packsOfFirst);
    const storage = withBadRanges(sample, pack);
    const { kept } = await collect({ ...host.access, storage }, plan);
    assert.equal(kept.length, 1);
    assert.ok((await sample.names(objectPrefixes.pack)).includes(pack));
  });

  test('stays if its signer is not known', async () => {
    const { sample, host, first, packsOfFirst } = await scene();
    const other = sample.host();
    await forgetSnapshots(other.access, [{ id: first, seal: undefined }]);
    const plan = await planCollection(other.access);
    const pack = await largest(sample, packsOfFirst);
    await flipStoredBit(sample.storage, pack, { byte: 5000 });
    await collect(withoutSigner(other, host.access.hostId), plan);
    assert.ok((await sample.names(objectPrefixes.pack)).includes(pack));
  });

  test('stays if something that is used turns out to be missing', async () => {
    const { sample, host, first, packsOfFirst, second } = await scene();
    await forgetSnapshots(host.access, [{ id: first, seal: undefined }]);
    const final = finalName(second);
    const bytes = await sample.storage.read(final);
    const records = await sample.names(objectPrefixes.forget);
    await forgetSnapshots(host.access, [{ id: second, seal: undefined }]);
    await dropIndex(sample);
    const all = await sample.names(objectPrefixes.pack);
    const needed = await largest(
      sample,
      all.filter((name) => !packsOfFirst.includes(name)),
    );
    await sample.storage.delete(needed);
    const plan = await planCollection(host.access);
    const pack = await largest(sample, packsOfFirst);
    await sample.storage.put(pack, noise((await sample.storage.stat(pack)).size));
    for (const name of await sample.names(objectPrefixes.forget)) {
      if (!records.includes(name)) await sample.storage.delete(name);
    }
    await sample.storage.put(final, bytes);
    const { kept } = await collect(host.access, plan);
    assert.equal(kept.filter(({ message }) => message.includes(pack)).length, 1);
    assert.ok((await sample.names(objectPrefixes.pack)).includes(pack));
  });

  test('stays if it was to be moved', async () => {
    const sample = new SampleRepository({ packTarget });
    const host = sample.host();
    const kept = noise(10_000);
    const first = await backUpSample(host, { kept, gone: noise(40_000) });
    await backUpSample(host, { kept });
    await forgetSnapshots(host.access, [{ id: first, seal: undefined }]);
    const plan = await planCollection(host.access);
    const victim = plan.victims.find(
      ({ fate, use }) => fate === 'repack' && use.pack.head.kind === 'data',
    );
    assert.ok(victim !== undefined);
    const name = packName(victim.use.pack.name);
    await sample.storage.put(name, noise(victim.use.pack.size));
    await collect(host.access, plan);
    assert.ok((await sample.names(objectPrefixes.pack)).includes(name));
  });
});
