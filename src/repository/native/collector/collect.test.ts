import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fromHex, toHex } from '../../../base/bytes.ts';
import { AppError } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import { signerFromSeed } from '../../../codec/encryption/signature.ts';
import { steered } from '#test/support/faulty-storage.ts';
import { recording } from '#test/support/recording-storage.ts';
import { snapshotFiles } from '#test/support/sample-reading.ts';
import {
  backUpSample,
  SampleRepository,
  storeSample,
  type SampleHost,
} from '#test/support/sample-repository.ts';
import type { SampleFiles } from '#test/support/sample-tree.ts';
import type { Access } from '../access.ts';
import { BlobNamer, blobType } from '../content/blob-id.ts';
import { loadIndex } from '../index/index-list.ts';
import { rebuildIndexObjects } from '../index/rebuild-index.ts';
import { listVerdicts } from '../index/verdict-list.ts';
import { encodeIndexObject } from '../objects/index-object.ts';
import { objectPrefixes, packName } from '../objects/object-name.ts';
import { encodePending } from '../objects/pending.ts';
import { PackBuilder, packBufferSize } from '../packs/pack-builder.ts';
import { listSnapshots } from '../reader/snapshot-list.ts';
import { publishFinal, sealFinal } from '../writer/commit.ts';
import { clearTombstones, removeAbandonedFinals } from './abandoned-finals.ts';
import { collect, type CollectionResult } from './collect.ts';
import { forgetSnapshots } from './forget.ts';
import { planCollection } from './prune-plan.ts';

const noise = (length: number): Uint8Array => systemRandom(length);
const packTarget = 64 * 1024;

async function bytesOf({ storage }: SampleRepository): Promise<number> {
  const sizes = await Array.fromAsync(storage.list(objectPrefixes.pack), ({ size }) => size);
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function forget(access: Access, ...ids: string[]): Promise<void> {
  const { snapshots } = await listSnapshots(access);
  const named = snapshots.filter(({ final }) => ids.includes(final.id));
  await forgetSnapshots(
    access,
    named.map(({ final, seal }) => ({ id: final.id, seal })),
  );
}

async function pruneAll(access: Access): Promise<CollectionResult> {
  return collect(access, await planCollection(access));
}

/** Calls `action` once, before the first call that fits. */
function before(
  host: SampleHost,
  sample: SampleRepository,
  fits: (method: string, name: string) => boolean,
  action: () => Promise<void>,
): SampleHost {
  let isDone = false;
  return sample.through(
    host,
    steered(host.access.storage, (method, name) => {
      if (isDone || !fits(method, name)) return undefined;
      isDone = true;
      return { before: action };
    }),
  );
}

const isPackDeletion = (method: string, name: string): boolean =>
  method === 'delete' && name.startsWith(objectPrefixes.pack);
const isTombstone = (method: string, name: string): boolean =>
  method === 'put' && name.startsWith(objectPrefixes.tombstone);

void test('frees what forgotten snapshots used and nothing else', async () => {
  const sample = new SampleRepository({ packTarget });
  const host = sample.host();
  const kept: SampleFiles = { 'a/x': noise(100_000), 'a/y': 'small', z: noise(50_000) };
  const first = await backUpSample(host, { ...kept, gone: noise(300_000) });
  const second = await backUpSample(host, kept);
  await forget(host.access, first);
  const size = await bytesOf(sample);
  const result = await pruneAll(host.access);
  assert.ok(result.deletedPacks > 0);
  assert.ok((await bytesOf(sample)) < size - 280_000);
  assert.deepEqual(await sample.names(objectPrefixes.tombstone), []);
  assert.deepEqual(await snapshotFiles(host.access, second), new Map(Object.entries(kept)));
  const { packs } = await loadIndex(host.access);
  const names = await sample.names(objectPrefixes.pack);
  assert.deepEqual([...packs.keys()].map(packName).toSorted(), names);
  const again = await planCollection(host.access);
  assert.deepEqual(again.victims, []);
});

void test('respects a snapshot that appears between the plan and the tombstone', async () => {
  const sample = new SampleRepository({ packTarget });
  const host = sample.host();
  const files: SampleFiles = { x: noise(200_000) };
  const first = await backUpSample(host, files);
  await forget(host.access, first);
  const plan = await planCollection(host.access);
  assert.ok(plan.victims.length > 0);
  let id = '';
  const collector = before(host, sample, isTombstone, async () => {
    id = await backUpSample(sample.host(), files);
  });
  const result = await collect(collector.access, plan);
  assert.equal(result.deletedPacks, 0);
  assert.deepEqual(await snapshotFiles(host.access, id), new Map(Object.entries(files)));
});

void test('a writer that commits while packs are deleted stores again what it relied on', async () => {
  const sample = new SampleRepository({ packTarget });
  const host = sample.host();
  const files: SampleFiles = { x: noise(200_000), 'dir/y': noise(1000) };
  await forget(host.access, await backUpSample(host, files));
  const writer = sample.host();
  // W2 to W5 before anything is doomed; W6 and on while the collector deletes.
  const early = await storeSample(writer, files);
  let id = '';
  const collector = before(host, sample, isPackDeletion, async () => {
    const published = await publishFinal(writer.access, early.final);
    const outcome = await sealFinal(writer.access, published, early.relied, writer.sequence, []);
    assert.ok('lost' in outcome);
    id = await backUpSample(writer, files);
  });
  const result = await pruneAll(collector.access);
  assert.ok(result.deletedPacks > 0);
  assert.deepEqual(await snapshotFiles(host.access, id), new Map(Object.entries(files)));
});

void test('a collector that wakes up after a year deletes nothing that is used', async () => {
  const sample = new SampleRepository({ packTarget });
  const host = sample.host();
  const files: SampleFiles = { x: noise(200_000) };
  await forget(host.access, await backUpSample(host, files));
  const old = new Map<string, Uint8Array>();
  for (const name of await sample.names(objectPrefixes.pack)) {
    old.set(name, await sample.storage.read(name));
  }
  let id = '';
  const sleeper = before(host, sample, isPackDeletion, async () => {
    sample.clock.advance(366 * 24 * 60 * 60 * 1000);
    const other = sample.host();
    await pruneAll(other.access);
    // A retry of the old upload brings the packs back, and a backup comes that could use them.
    for (const [name, bytes] of old) await sample.storage.put(name, bytes);
    await rebuildIndexObjects(other.access);
    id = await backUpSample(sample.host(), files);
    await pruneAll(other.access);
  });
  await pruneAll(sleeper.access);
  assert.deepEqual(await snapshotFiles(host.access, id), new Map(Object.entries(files)));
});

void test('a pack under a dead tombstone is emptied by copying, and the tombstone stays', async () => {
  const sample = new SampleRepository({ packTarget });
  const host = sample.host();
  const files: SampleFiles = { x: noise(200_000) };
  await forget(host.access, await backUpSample(host, files));
  const dying = sample.through(
    host,
    steered(sample.storage, (method, name) =>
      isPackDeletion(method, name) ? new AppError('storage/unavailable', 'Gone') : undefined,
    ),
  );
  await assert.rejects(pruneAll(dying.access));
  const [tombstone] = await sample.names(objectPrefixes.tombstone);
  assert.ok(tombstone !== undefined, 'after an unknown outcome the tombstone stays');
  const id = await backUpSample(sample.host(), files);
  sample.clock.advance(2 * 24 * 60 * 60 * 1000);
  await pruneAll(host.access);
  assert.deepEqual(await snapshotFiles(host.access, id), new Map(Object.entries(files)));
  assert.deepEqual(await sample.names(objectPrefixes.tombstone), [tombstone]);
  assert.equal(await clearTombstones(host.access), 1);
});

void test('looks at tombstones first and at packs second', async () => {
  const sample = new SampleRepository({ packTarget });
  const host = sample.host();
  await forget(host.access, await backUpSample(host, { x: noise(200_000) }));
  const storage = recording(sample.storage);
  await pruneAll(sample.through(host, storage).access);
  const calls = storage.calls.map(({ method, name }) => `${method} ${name}`);
  const published = calls.findIndex((call) => call.startsWith('put tombstones/'));
  const deleted = calls.findIndex((call) => call.startsWith('delete packs/'));
  const between = calls.slice(published, deleted);
  const finals = between.indexOf('list snapshots/');
  const tombstones = between.indexOf('list tombstones/');
  const packs = between.indexOf('list packs/');
  assert.ok(published >= 0 && finals > 0 && tombstones > finals && packs > tombstones);
});

void test('directories that are lost keep everything where it is, and what to do is told', async () => {
  const sample = new SampleRepository({ packTarget });
  const host = sample.host();
  await backUpSample(host, { x: 'x' });
  const all = await sample.names(objectPrefixes.pack);
  await backUpSample(host, { y: 'y' });
  const others = (await sample.names(objectPrefixes.pack)).filter((name) => !all.includes(name));
  for (const name of others) await sample.storage.delete(name);
  await assert.rejects(planCollection(host.access), {
    code: 'repository/damaged',
    hint: /"holdfast check" names the snapshots .* "holdfast forget"/u,
  });
  assert.deepEqual(await sample.names(objectPrefixes.pack), all);
});

void test('what cannot be understood keeps everything where it is', async () => {
  const sample = new SampleRepository({ packTarget });
  const host = sample.host();
  await forget(host.access, await backUpSample(host, { x: noise(200_000) }));
  const plan = await planCollection(host.access);
  const names = await sample.names(objectPrefixes.pack);
  await sample.storage.put(`snapshots/${'ab'.repeat(16)}`, noise(2048));
  await assert.rejects(collect(host.access, plan), { code: 'repository/damaged' });
  await assert.rejects(planCollection(host.access), { code: 'repository/damaged' });
  assert.deepEqual(await sample.names(objectPrefixes.pack), names);
  assert.deepEqual(await sample.names(objectPrefixes.tombstone), []);
});

/** A pack and its index object that claim to hold `content`, and hold rubbish. */
async function storeLie({ access }: SampleHost, content: Uint8Array): Promise<string> {
  const { keys, random, hostId, clock } = access;
  const runId = random(16);
  // The thief seems to be at work: the pack is spared, and stands ready as a copy.
  const pending = encodePending(
    { runId: toHex(runId), number: 0, hostId, time: clock.now() },
    access.signing,
  );
  await access.storage.put(pending.name, pending.bytes);
  const builder = new PackBuilder(
    {
      repositoryId: keys.repositoryId,
      indexKey: keys.indexKey,
      dataPublic: keys.dataPublic,
      metaPublic: keys.metaPublic,
      signerId: fromHex(access.hostId),
      signer: signerFromSeed(access.hostSeed),
      runId,
      target: packTarget,
      compressionLevel: 1,
      verify: false,
      random,
    },
    'data',
    0,
    new Uint8Array(packBufferSize(packTarget)),
  );
  const id = new BlobNamer(keys.idKey).nameOf(blobType.data, content);
  builder.append(
    builder.prepare(noise(content.length), [
      { type: blobType.data, rawLength: content.length, id },
    ]),
  );
  const { name, bytes, table } = builder.finish();
  await access.storage.put(packName(toHex(name)), bytes);
  const index = encodeIndexObject(
    { packs: [{ name, size: bytes.length, table }], supersedes: [] },
    access.signing,
  );
  await access.storage.put(index.name, index.bytes);
  return toHex(name);
}

void test('a lying copy of a thief does not count as a copy', async () => {
  const sample = new SampleRepository({ packTarget: 512 * 1024 });
  const host = sample.host();
  const files: SampleFiles = { x: noise(50_000) };
  const first = await backUpSample(host, { ...files, gone: noise(200_000) });
  const second = await backUpSample(host, files);
  await forget(host.access, first);
  await storeLie(sample.host('writer'), files['x'] as Uint8Array);
  await pruneAll(host.access);
  assert.deepEqual(await snapshotFiles(host.access, second), new Map(Object.entries(files)));
});

void test('a destroyed pack stays while a lying copy is all there is of what it held', async () => {
  const sample = new SampleRepository({ packTarget });
  const host = sample.host();
  const content = noise(60_000);
  await backUpSample(host, { x: content });
  const { packs } = await loadIndex(host.access);
  const pack = [...packs.values()].find(({ head }) => head.kind === 'data')!;
  await storeLie(sample.host('writer'), content);
  await sample.storage.put(packName(pack.name), new Uint8Array(10));
  const plan = await planCollection(host.access);
  assert.deepEqual(
    plan.destroyed.map(({ name }) => name),
    [pack.name],
  );
  const { kept } = await collect(host.access, plan);
  assert.ok(kept.some(({ message }) => message.includes(pack.name)));
  assert.ok((await sample.names(objectPrefixes.pack)).includes(packName(pack.name)));
});

void test('an owner never copies content under a wrong id, and says so', async () => {
  const sample = new SampleRepository({ packTarget });
  const thief = sample.host('writer');
  const host = sample.host();
  const content = noise(5000);
  const lie = await storeLie(thief, content);
  // The victim of the lie relies on it; a second small pack makes both worth joining.
  const id = await backUpSample(host, { x: content });
  await backUpSample(host, { y: noise(3000) }, { path: '/other' });
  sample.clock.advance(8 * 24 * 60 * 60 * 1000);
  const result = await pruneAll(host.access);
  assert.ok(result.kept.some(({ message }) => message.includes(lie)));
  assert.ok((await sample.names(objectPrefixes.pack)).includes(packName(lie)));
  const { packs } = await loadIndex(host.access);
  assert.ok((await listVerdicts(host.access)).isBad(packs.get(lie)!));
  // The next backup stores the content again, and then everything is there.
  await forget(host.access, id);
  const again = await backUpSample(host, { x: content });
  assert.deepEqual(await snapshotFiles(host.access, again), new Map([['x', content]]));
  await pruneAll(host.access);
  assert.deepEqual(await snapshotFiles(host.access, again), new Map([['x', content]]));
});

void test('a janitor copies whole segments, with their origins', async () => {
  const sample = new SampleRepository({ packTarget });
  const host = sample.host('writer');
  const janitor = sample.host('janitor');
  const files: Record<string, Uint8Array> = { a: noise(3000), b: noise(4000), c: noise(5000) };
  let last = '';
  for (let count = 1; count <= 3; count++) {
    const part = Object.fromEntries(Object.entries(files).slice(0, count));
    last = await backUpSample(host, part);
  }
  const origins = new Set((await loadIndex(host.access)).packs.keys());
  await pruneAll(janitor.access);
  const joined = (await loadIndex(host.access)).packs;
  assert.equal(joined.size, 2, 'one pack of content and one of directories');
  for (const { head, signer } of joined.values()) {
    assert.equal(signer, janitor.access.hostId);
    for (const origin of head.origins) {
      assert.ok(origins.has(toHex(origin.pack)));
      assert.equal(toHex(origin.signer), host.access.hostId);
    }
  }
  assert.deepEqual(await snapshotFiles(host.access, last), new Map(Object.entries(files)));
  // Copied once more, the origin stays the first one.
  await backUpSample(host, { ...files, d: noise(2000) });
  await pruneAll(janitor.access);
  for (const { head } of (await loadIndex(host.access)).packs.values()) {
    for (const origin of head.origins) assert.equal(toHex(origin.signer), host.access.hostId);
  }
  assert.deepEqual(await snapshotFiles(host.access, last), new Map(Object.entries(files)));
});

void test('spares the packs of a run that may still be at work', async () => {
  const sample = new SampleRepository({ packTarget });
  const host = sample.host();
  const { final } = await storeSample(host, { x: noise(100_000) });
  const pending = encodePending(
    { runId: final.runId, number: 0, hostId: host.access.hostId, time: sample.clock.now() },
    host.access.signing,
  );
  await sample.storage.put(pending.name, pending.bytes);
  const spared = await planCollection(host.access);
  assert.deepEqual(spared.victims, []);
  assert.ok(spared.figures.spared.packs > 0);
  sample.clock.advance(8 * 24 * 60 * 60 * 1000);
  const later = await planCollection(host.access);
  assert.ok(later.victims.length > 0);
  assert.deepEqual(later.endedRecords, [pending.name]);
});

void test('removes an abandoned final unless a seal came', async () => {
  const sample = new SampleRepository({ packTarget });
  const host = sample.host();
  const run = await storeSample(host, { x: 'abandoned' });
  await publishFinal(host.access, run.final);
  const sealed = await backUpSample(host, { x: 'sealed' });
  assert.deepEqual((await planCollection(host.access)).abandoned, []);
  sample.clock.advance(8 * 24 * 60 * 60 * 1000);
  const { abandoned } = await planCollection(host.access);
  assert.deepEqual(
    abandoned.map(({ final }) => final.id),
    [run.final.id],
  );
  const removed = await removeAbandonedFinals(host.access, [run.final.id, sealed]);
  assert.deepEqual(removed, [run.final.id]);
  assert.deepEqual(await sample.names(objectPrefixes.final), [objectPrefixes.final + sealed]);
  assert.deepEqual(await sample.names(objectPrefixes.tombstone), []);
});
