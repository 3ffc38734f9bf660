import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fromHex } from '../../../base/bytes.ts';
import { AppError } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import { flipStoredBit } from '#test/support/damaging-storage.ts';
import { faultyAt } from '#test/support/faulty-storage.ts';
import { snapshotFiles } from '#test/support/sample-reading.ts';
import {
  backUpSample,
  type SampleHost,
  SampleRepository,
  storeSample,
} from '#test/support/sample-repository.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { caching } from '../../../storage/layers/caching.ts';
import { loadCatalogue } from '../collector/catalogue.ts';
import { collect } from '../collector/collect.ts';
import { forgetSnapshots } from '../collector/forget.ts';
import { planCollection } from '../collector/prune-plan.ts';
import { loadIndex } from '../index/index-list.ts';
import { rebuildIndexObjects } from '../index/rebuild-index.ts';
import { encodeIndexObject } from '../objects/index-object.ts';
import { decodePackTable, decodeTableHead, encodePackTable } from '../packs/pack-table.ts';
import { encodeAudit } from '../objects/audit.ts';
import { finalName, objectPrefixes, packName } from '../objects/object-name.ts';
import { encodePending } from '../objects/pending.ts';
import { encodeTombstone } from '../objects/tombstone.ts';
import { ownerSigner } from '../keys/key-ring.ts';
import { defaultSettings, encodeSettings } from '../objects/settings.ts';
import { isCopied, soundness } from '../object-copies.ts';
import { listSnapshots } from '../reader/snapshot-list.ts';
import { checkRepository } from './check-repository.ts';
import { carryOutRepairs, planRepairs } from './repair.ts';
import { packsOf } from './read-packs.ts';

const noise = (length: number): Uint8Array => systemRandom(length);
const files = { 'a/x': noise(100_000), 'a/y': 'small', z: noise(50_000) };

async function sampleWithSnapshot(): Promise<{
  sample: SampleRepository;
  host: ReturnType<SampleRepository['host']>;
  id: string;
}> {
  const sample = new SampleRepository({ packTarget: 64 * 1024 });
  const host = sample.host();
  await putSettings(host);
  const id = await backUpSample(host, files);
  return { sample, host, id };
}

/** What `init` leaves beside the keys. */
async function putSettings({ access: { keys, storage } }: SampleHost): Promise<void> {
  const settings = { ...defaultSettings, number: 1, id: 'cd'.repeat(16) };
  const signing = { keys, signer: ownerSigner(keys), random: systemRandom };
  const { name, bytes } = encodeSettings(settings, signing);
  await storage.put(name, bytes);
}

/** `holdfast` and the key slots are made elsewhere; the sample has none. */
function ofInterest(findings: readonly { readonly message: string }[]): string[] {
  return findings
    .map(({ message }) => message)
    .filter((message) => !/"holdfast" is gone|no key slot/u.test(message));
}

void test('finds nothing wrong with a sound repository, and reads all of it', async () => {
  const { host } = await sampleWithSnapshot();
  const result = await checkRepository(host.access, { readData: 'all', workers: 2 });
  assert.deepEqual(ofInterest(result.findings), []);
  assert.equal(result.packsRead, result.packs);
  assert.ok(result.packs > 1);
  assert.deepEqual(result.affected, []);
});

/** A machine as people have them: it keeps copies of what it has written and read. */
async function withCopies(sample: SampleRepository): Promise<
  SampleHost & {
    readonly [Symbol.asyncDispose]: () => PromiseLike<void>;
  }
> {
  const directory = await temporaryDirectory();
  const host = sample.host();
  const { keys, verifying } = host.access;
  const storage = caching(sample.storage, {
    directory: directory.path,
    cacheable: isCopied,
    isSound: soundness(keys, verifying),
    warn(problem) {
      throw problem;
    },
  });
  return {
    access: { ...host.access, storage, stored: sample.storage },
    sequence: host.sequence,
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

void test('names every kind of object of which one bit is flipped', async () => {
  const sample = new SampleRepository({ packTarget: 64 * 1024 });
  await using host = await withCopies(sample);
  const { access } = host;
  await putSettings(host);
  await backUpSample(host, files);
  const second = await backUpSample(host, { other: 'other' });
  await backUpSample(host, { other: 'still other' });
  await forgetSnapshots(access, [{ id: second, seal: undefined }]);
  const [runId, time] = ['ab'.repeat(16), sample.clock.now()];
  const objects = [
    encodePending({ runId, number: 0, hostId: access.hostId, time }, access.signing),
    encodeTombstone({ runId, packs: [], snapshots: [], time }, access.signing),
    encodeAudit({ id: runId, verdicts: [], time }, access.signing),
  ];
  for (const { name, bytes } of objects) await access.storage.put(name, bytes);
  const names = await sample.names('');
  assert.ok(names.length >= 10);
  for (const name of names) {
    for (const byte of [8, 40, -1]) {
      await flipStoredBit(sample.storage, name, { byte });
      const { findings } = await checkRepository(access);
      const { findings: all } = name.startsWith('packs/')
        ? await checkRepository(access, { readData: 'all', workers: 1 })
        : { findings };
      assert.ok(
        all.some((finding) => finding.severity === 'error' && finding.message.includes(name)),
        `${name} at ${byte}: ${ofInterest(all).join('; ')}`,
      );
      await flipStoredBit(sample.storage, name, { byte });
    }
  }
});

void test('sees that objects are empty of which this machine has copies', async () => {
  const sample = new SampleRepository();
  await using host = await withCopies(sample);
  await backUpSample(host, files);
  const { snapshots } = await listSnapshots(host.access);
  assert.equal(snapshots.length, 1);
  const copied = (await sample.names('')).filter(isCopied);
  assert.equal(copied.length, 3);
  for (const name of copied) await sample.storage.put(name, new Uint8Array(0));
  const { damaged, findings } = await checkRepository(host.access);
  assert.ok(damaged);
  for (const name of copied) {
    assert.ok(
      findings.some(({ object }) => object === name),
      name,
    );
  }
});

void test('finds a flipped bit in the middle of a pack only by reading it, and names the file', async () => {
  const { sample, host, id } = await sampleWithSnapshot();
  const { packs } = await loadCatalogue(host.access);
  const data = packs.filter(({ head }) => head.kind === 'data');
  const [pack] = data.toSorted((left, right) => right.size - left.size);
  const object = packName(pack!.name);
  await flipStoredBit(sample.storage, object, { byte: 5000 });
  assert.deepEqual(ofInterest((await checkRepository(host.access)).findings), []);
  const result = await checkRepository(host.access, { readData: 'all', workers: 2 });
  assert.equal(result.damaged, true);
  assert.ok(result.findings.some((finding) => finding.object === object));
  assert.equal(result.affected.length, 1);
  assert.equal(result.affected[0]!.id, id);
  const paths = result.affected[0]!.paths.map((path) => Buffer.from(path).toString());
  assert.ok(paths.every((path) => path in files) && paths.length > 0, paths.join());
});

void test('a missing pack is an error for the snapshots that need it', async () => {
  const { sample, host, id } = await sampleWithSnapshot();
  const { packs } = await loadCatalogue(host.access);
  const meta = packs.find(({ head }) => head.kind === 'meta')!;
  await sample.storage.delete(packName(meta.name));
  const result = await checkRepository(host.access);
  assert.ok(result.findings.some(({ object }) => object === packName(meta.name)));
  assert.deepEqual(
    result.affected.map((snapshot) => snapshot.id),
    [id],
  );
});

void test('a repair destroys nothing, and the next backup makes everything whole', async () => {
  const { sample, host, id } = await sampleWithSnapshot();
  const { access } = host;
  await storeSample(host, { leftover: noise(20_000) });
  for (const name of await sample.names(objectPrefixes.index)) {
    await flipStoredBit(sample.storage, name, { byte: 100 });
  }
  const { packs } = await loadCatalogue(access);
  const data = packs.find(({ head, size }) => head.kind === 'data' && size > 60_000)!;
  await flipStoredBit(sample.storage, packName(data.name), { byte: 5000 });
  const before = await sample.names(objectPrefixes.pack);
  const finals = await sample.names(objectPrefixes.final);
  const result = await checkRepository(access, { readData: 'all', workers: 2 });
  const plan = planRepairs(result);
  assert.deepEqual(
    plan.steps.map(({ kind }) => kind),
    ['index-packs', 'condemn-packs', 'remove-index'],
  );
  assert.deepEqual(plan.damagedSnapshots, [id]);
  assert.deepEqual(await sample.names(objectPrefixes.pack), before, 'a plan changes nothing');
  await carryOutRepairs(access, plan);
  assert.deepEqual(await sample.names(objectPrefixes.pack), before);
  assert.deepEqual(await sample.names(objectPrefixes.final), finals);
  const again = await backUpSample(host, files);
  assert.deepEqual(await snapshotFiles(access, again), new Map(Object.entries(files)));
  // The content of the old snapshot is back as well: the same blobs.
  assert.deepEqual(await snapshotFiles(access, id), new Map(Object.entries(files)));
  const healed = await checkRepository(access, { readData: 'all', workers: 2 });
  assert.deepEqual(healed.affected, []);
});

void test('nothing new relies on a damaged pack after a repair, though the index names it', async () => {
  const { sample, host, id } = await sampleWithSnapshot();
  const { packs } = await loadCatalogue(host.access);
  const data = packs.find(({ head, size }) => head.kind === 'data' && size > 60_000)!;
  await flipStoredBit(sample.storage, packName(data.name), { byte: 5000 });
  const plan = planRepairs(await checkRepository(host.access, { readData: 'all', workers: 1 }));
  assert.deepEqual(
    plan.steps.map(({ kind }) => kind),
    ['condemn-packs'],
  );
  await carryOutRepairs(host.access, plan);
  await backUpSample(host, files);
  assert.deepEqual(await snapshotFiles(host.access, id), new Map(Object.entries(files)));
});

void test('what a host has signed whose certificate is lost is not damaged, whoever has put its packs into the index', async () => {
  const { sample, host } = await sampleWithSnapshot();
  const audit = encodeAudit(
    { id: 'ab'.repeat(16), verdicts: [], time: sample.clock.now() },
    host.access.signing,
  );
  await sample.storage.put(audit.name, audit.bytes);
  const other = sample.host();
  await rebuildIndexObjects(other.access);
  const { verifying } = other.access;
  const findSigner: typeof verifying.findSigner = (id) =>
    id === host.access.hostId ? undefined : verifying.findSigner(id);
  const access = { ...other.access, verifying: { ...verifying, findSigner } };
  assert.ok((await loadIndex(access)).packs.size > 0);
  for (const readData of [undefined, 'all'] as const) {
    const result = await checkRepository(access, { readData, workers: 1 });
    assert.ok(result.damaged);
    assert.deepEqual(result.damagedPacks, []);
    assert.deepEqual(
      planRepairs(result).steps.map(({ kind }) => kind),
      [],
    );
  }
});

void test('an index that lies about a pack is found and corrected from the pack itself', async () => {
  const { sample, host, id } = await sampleWithSnapshot();
  const { access } = host;
  const { packs } = await loadIndex(access);
  const pack = [...packs.values()].find(({ head }) => head.kind === 'data')!;
  const table = decodePackTable(pack.table);
  const lie = encodePackTable({ ...table, runId: new Uint8Array(16) });
  for (const name of await sample.names(objectPrefixes.index)) await sample.storage.delete(name);
  const records = [...packs.values()].map((known) => ({
    name: fromHex(known.name),
    size: known.size,
    table: known === pack ? lie : known.table,
  }));
  const { name, bytes } = encodeIndexObject({ packs: records, supersedes: [] }, access.signing);
  await sample.storage.put(name, bytes);
  const result = await checkRepository(access);
  assert.ok(result.findings.some(({ object }) => object === packName(pack.name)));
  const whole = await checkRepository(access, { readData: 'all', workers: 1 });
  assert.deepEqual(whole.evidence.mistaken, result.evidence.mistaken);
  const plan = planRepairs(result);
  assert.deepEqual(
    plan.steps.map(({ kind }) => kind),
    ['correct-index'],
  );
  await carryOutRepairs(access, plan);
  assert.deepEqual((await loadIndex(access)).packs.get(pack.name)?.table, pack.table);
  assert.deepEqual(ofInterest((await checkRepository(access)).findings), []);
  assert.deepEqual(await snapshotFiles(access, id), new Map(Object.entries(files)));
});

/** A repository with a snapshot that is lost, without settings, and with a damaged index object. */
async function wounded() {
  const { sample, host, id } = await sampleWithSnapshot();
  const lost = await backUpSample(host, { lost: 'lost' });
  const last = await backUpSample(sample.host(), { last: noise(1000) });
  await sample.storage.delete(finalName(lost));
  for (const name of await sample.names(objectPrefixes.settings)) await sample.storage.delete(name);
  const [index] = await sample.names(objectPrefixes.index);
  await flipStoredBit(sample.storage, index!, { byte: -1 });
  const plan = planRepairs(await checkRepository(host.access));
  assert.deepEqual(
    plan.steps.map(({ kind }) => kind),
    ['write-settings', 'note-missing', 'index-packs', 'remove-index'],
  );
  return { sample, host, id, lost, last, index, plan };
}

void test('a repair that ends at any call makes nothing worse, and the next one brings it to its end', async () => {
  const { sample, host, id, lost, last, index, plan } = await wounded();
  const { access } = host;
  const objects = new Map<string, Uint8Array>();
  for (const name of await sample.names('')) objects.set(name, await sample.storage.read(name));
  const failure = new AppError('storage/unavailable', 'Gone');
  for (const step of [failure, { after: failure }]) {
    for (let number = 1; ; number++) {
      for (const name of await sample.names('')) await sample.storage.delete(name);
      for (const [name, bytes] of objects) await sample.storage.put(name, bytes);
      const storage = faultyAt(sample.storage, { number, step });
      const hasEnded = await carryOutRepairs({ ...access, storage }, plan).then(
        () => true,
        (error: unknown) => {
          assert.equal(error, failure);
          return false;
        },
      );
      assert.deepEqual(await snapshotFiles(access, id), new Map(Object.entries(files)));
      const names = await sample.names('');
      for (const name of objects.keys()) {
        const mayGo = name === index || name.endsWith(lost);
        assert.ok(mayGo || names.includes(name), name);
      }
      await carryOutRepairs(access, planRepairs(await checkRepository(access)));
      assert.deepEqual(ofInterest((await checkRepository(access)).findings), []);
      const { snapshots } = await listSnapshots(access);
      assert.deepEqual(new Set(snapshots.map(({ final }) => final.id)), new Set([id, last]));
      if (storage.called() >= number) continue;
      assert.ok(hasEnded && number > 10);
      break;
    }
  }
});

void test('two repairs and a backup at the same time harm nobody', async () => {
  const { sample, host, id, last, plan } = await wounded();
  const { access } = host;
  const other = sample.host();
  const [, , added] = await Promise.all([
    carryOutRepairs(access, plan),
    carryOutRepairs(other.access, plan),
    backUpSample(sample.host(), { 'a/x': files['a/x'], more: noise(100_000) }),
  ]);
  await carryOutRepairs(access, planRepairs(await checkRepository(access)));
  const { findings } = await checkRepository(access, { readData: 'all', workers: 1 });
  assert.deepEqual(ofInterest(findings), []);
  const { snapshots } = await listSnapshots(access);
  assert.deepEqual(new Set(snapshots.map(({ final }) => final.id)), new Set([id, last, added]));
  assert.deepEqual(await snapshotFiles(access, id), new Map(Object.entries(files)));
});

void test('what the index says of a damaged pack may be nonsense', async () => {
  const { sample, host, id } = await sampleWithSnapshot();
  const { access } = host;
  const [pack] = (await loadIndex(access)).packs.values();
  assert.ok(pack !== undefined);
  for (const old of await sample.names(objectPrefixes.index)) await sample.storage.delete(old);
  const cut = pack.table.subarray(0, -3);
  const garbled = Uint8Array.from(pack.table);
  const { segmentBytes } = decodeTableHead(garbled);
  segmentBytes.fill(0xff);
  const said: string[] = [];
  for (const table of [cut, garbled]) {
    const packs = [{ name: fromHex(pack.name), size: pack.size + 1, table }];
    const { name, bytes } = encodeIndexObject({ packs, supersedes: [] }, access.signing);
    await sample.storage.put(name, bytes);
    said.push(name);
  }
  await sample.storage.put(packName(pack.name), new Uint8Array(10));
  const { findings, evidence } = await checkRepository(access);
  assert.ok(findings.some(({ object }) => object === packName(pack.name)));
  assert.deepEqual(evidence.damagedIndex, said.slice(0, 1));
  await forgetSnapshots(access, [{ id, seal: undefined }]);
  const plan = await planCollection(access);
  assert.deepEqual(
    plan.destroyed.map(({ listed }) => listed),
    [undefined],
  );
  await collect(access, plan);
  assert.deepEqual(await sample.names(objectPrefixes.pack), []);
});

void test('parts divide all packs, and are the same every time', async () => {
  const { host } = await sampleWithSnapshot();
  const { packs } = await loadCatalogue(host.access);
  const parts = [1, 2, 3].flatMap((part) =>
    packsOf(packs, { kind: 'part', part, of: 3 }, systemRandom),
  );
  assert.deepEqual(
    parts.map(({ name }) => name).toSorted(),
    packs.map(({ name }) => name).toSorted(),
  );
  const percent = packsOf(packs, { kind: 'percent', percent: 1 }, systemRandom);
  assert.equal(percent.length, 1);
  assert.equal(
    packsOf(packs, { kind: 'percent', percent: 100 }, systemRandom).length,
    packs.length,
  );
});
