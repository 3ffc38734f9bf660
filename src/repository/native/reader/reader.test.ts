import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { damaging } from '../../../../test/support/damaging-storage.ts';
import { scratchDirectory } from '../../../../test/support/scratch-directory.ts';
import {
  backUpOnce,
  createSmall,
  kept,
  openSmall,
} from '../../../../test/support/small-repository.ts';
import { fromHex, toHex } from '../../../base/bytes.ts';
import { systemClock } from '../../../base/clock.ts';
import { hasCode } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import { signerFromSeed } from '../../../codec/encryption/signature.ts';
import { MemoryStorage } from '../../../storage/drivers/memory/memory.ts';
import { askingAhead } from '../../../storage/layers/asking-ahead.ts';
import { forward } from '../../../storage/layers/forward.ts';
import type { Storage } from '../../../storage/storage.ts';
import { BlobNamer, blobType } from '../content/blob-id.ts';
import { BlobTable } from '../index/blob-table.ts';
import type { LocalPlaces, NativeRepository } from '../native-repository.ts';
import { encodeForget } from '../objects/forget.ts';
import { encodeIndexObject } from '../objects/index-object.ts';
import { packName } from '../objects/object-name.ts';
import { decodeSeal, encodeSeal } from '../objects/seal.ts';
import { BlobPacker } from '../packs/blob-packer.ts';
import { PackBuilder, type FinishedPack, type PackContext } from '../packs/pack-builder.ts';
import { BlobReader } from './blob-reader.ts';
import { readContent } from './content-reader.ts';
import type { Finding } from './finding.ts';
import { listSnapshots } from './snapshot-list.ts';
import { findEntry, readTree, walkTree } from './tree-reader.ts';

/** A machine without a cache, so that every read goes to the storage. */
function plainMachine(directory: string): LocalPlaces {
  return {
    stateDirectory: `${directory}/state`,
    cacheDirectory: undefined,
    hostName: 'laptop',
    clock: systemClock,
    random: systemRandom,
    warn: () => undefined,
  };
}

async function withRepository(
  call: (
    repository: NativeRepository,
    storage: MemoryStorage,
    place: { readonly places: LocalPlaces; readonly source: string },
  ) => Promise<void>,
): Promise<void> {
  using scratch = scratchDirectory();
  const source = scratch.of('source');
  mkdirSync(`${source}/sub`, { recursive: true });
  writeFileSync(`${source}/file`, 'hello');
  writeFileSync(`${source}/sub/large`, systemRandom(3_000_000));
  const storage = new MemoryStorage();
  const places = plainMachine(scratch.path);
  await createSmall(storage, places);
  await using repository = await openSmall(storage, places);
  await call(repository, storage, { places, source });
}

function contextOf({ access }: NativeRepository): PackContext {
  const { keys } = access;
  return {
    repositoryId: keys.repositoryId,
    indexKey: keys.indexKey,
    dataPublic: keys.dataPublic,
    metaPublic: keys.metaPublic,
    signerId: fromHex(access.hostId),
    signer: signerFromSeed(access.hostSeed),
    runId: access.random(16),
    target: 1_000_000,
    compressionLevel: 1,
    verify: true,
    random: access.random,
  };
}

/** Packs of the given blobs, one each, not yet in the storage. */
function packsOf(repository: NativeRepository, blobs: readonly Uint8Array[]): FinishedPack[] {
  const context = contextOf(repository);
  return blobs.flatMap((blob) => {
    const packs: FinishedPack[] = [];
    const packer = new BlobPacker(
      context,
      'data',
      BlobTable.allocate(0, 0),
      new BlobNamer(repository.access.keys.idKey),
      (pack) => packs.push(pack),
    );
    packer.add(blobType.data, blob);
    packer.flush();
    return packs;
  });
}

const objectOf = (pack: FinishedPack): string => packName(toHex(pack.name));

async function putIndex(
  { access }: NativeRepository,
  storage: Storage,
  packs: readonly FinishedPack[],
): Promise<void> {
  const listed = packs.map(({ name, bytes, table }) => ({ name, size: bytes.length, table }));
  const { name, bytes } = encodeIndexObject({ packs: listed, supersedes: [] }, access.signing);
  await storage.put(name, bytes);
}

describe('blob reader', () => {
  const blob = systemRandom(700_000);
  const idOf = ({ access }: NativeRepository): Uint8Array =>
    new BlobNamer(access.keys.idKey).nameOf(blobType.data, blob);

  test('takes the second copy when the first is damaged, and names the pack', async () => {
    await withRepository(async (repository, storage) => {
      const [one, two] = packsOf(repository, [blob, blob]) as [FinishedPack, FinishedPack];
      for (const pack of [one, two]) await storage.put(objectOf(pack), pack.bytes);
      await putIndex(repository, storage, [one, two]);
      for (const bad of [one, two]) {
        const damagedStorage = damaging(storage, (name) =>
          name === objectOf(bad) ? { byte: 300_000 } : undefined,
        );
        const findings: Finding[] = [];
        const blobs = await BlobReader.open(
          { ...repository.access, storage: damagedStorage },
          { onFinding: (finding) => findings.push(finding) },
        );
        const read = await blobs.read(blobType.data, idOf(repository), blob.length);
        assert.deepEqual(new Uint8Array(read), blob);
        for (const { object } of findings) assert.equal(object, objectOf(bad));
        if (blobs.locator.find(idOf(repository))!.pack.name === toHex(bad.name)) {
          assert.equal(findings.length, 1);
        }
      }
    });
  });

  test('does not take what a lying pack puts under an id', async () => {
    await withRepository(async (repository, storage) => {
      const builder = new PackBuilder(contextOf(repository), 'data', 0, new Uint8Array(1_000_000));
      const lie = systemRandom(blob.length);
      builder.append(
        builder.prepare(lie, [
          { type: blobType.data, rawLength: lie.length, id: idOf(repository) },
        ]),
      );
      const pack = builder.finish();
      await storage.put(objectOf(pack), pack.bytes);
      await putIndex(repository, storage, [pack]);
      const blobs = await BlobReader.open(repository.access);
      await assert.rejects(blobs.read(blobType.data, idOf(repository), blob.length), (error) =>
        hasCode(error, 'repository/damaged'),
      );
    });
  });

  test('finds a pack that no index names', async () => {
    await withRepository(async (repository, storage) => {
      const [pack] = packsOf(repository, [blob]);
      await storage.put(objectOf(pack!), pack!.bytes);
      const blobs = await BlobReader.open(repository.access);
      const read = await blobs.read(blobType.data, idOf(repository), undefined);
      assert.deepEqual(new Uint8Array(read), blob);
    });
  });

  test('follows a blob that a collector moves while it is read, as often as it moves', async () => {
    await withRepository(async (repository, storage) => {
      const packs = packsOf(repository, [blob, blob, blob, blob, blob]);
      await storage.put(objectOf(packs[0]!), packs[0]!.bytes);
      await putIndex(repository, storage, [packs[0]!]);
      let moves = 0;
      const moving: Storage = {
        ...forward(storage),
        async read(name, options) {
          const next = packs[moves + 1];
          if (next !== undefined && name === objectOf(packs[moves]!)) {
            // The new pack and its index come before the old pack goes.
            await storage.put(objectOf(next), next.bytes);
            await putIndex(repository, storage, [next]);
            await storage.delete(name);
            moves++;
          }
          return storage.read(name, options);
        },
      };
      const blobs = await BlobReader.open({ ...repository.access, storage: moving });
      const read = await blobs.read(blobType.data, idOf(repository), blob.length);
      assert.deepEqual(new Uint8Array(read), blob);
      assert.equal(moves, 4);
    });
  });

  test('says what is missing, and where it was looked for', async () => {
    await withRepository(async (repository, storage) => {
      const [pack] = packsOf(repository, [blob]) as [FinishedPack];
      await putIndex(repository, storage, [pack]);
      const blobs = await BlobReader.open(repository.access);
      const id = idOf(repository);
      await assert.rejects(blobs.read(blobType.data, id, blob.length), (error) => {
        assert.ok(hasCode(error, 'repository/damaged'));
        assert.ok(error.message.includes(toHex(id)));
        assert.ok(error.message.includes(objectOf(pack)));
        return true;
      });
    });
  });

  test('an unreachable storage is not a missing blob', async () => {
    await withRepository(async (repository, storage) => {
      const [pack] = packsOf(repository, [blob]) as [FinishedPack];
      await storage.put(objectOf(pack), pack.bytes);
      await putIndex(repository, storage, [pack]);
      const down: Storage = {
        ...forward(storage),
        read: (name, options) =>
          name.startsWith('packs/')
            ? Promise.reject(new Error('the cable is out'))
            : storage.read(name, options),
      };
      const blobs = await BlobReader.open({ ...repository.access, storage: down });
      await assert.rejects(blobs.read(blobType.data, idOf(repository), undefined), /cable/u);
    });
  });

  test('reads whole units of 64 KiB and not much more than is needed', async () => {
    await withRepository(async (repository, storage) => {
      const [pack] = packsOf(repository, [blob]) as [FinishedPack];
      await storage.put(objectOf(pack), pack.bytes);
      await putIndex(repository, storage, [pack]);
      const ranges: [number, number][] = [];
      const watched: Storage = {
        ...forward(storage),
        read(name, options) {
          if (name.startsWith('packs/')) {
            ranges.push([options!.range!.offset, options!.range!.length!]);
          }
          return storage.read(name, options);
        },
      };
      const blobs = await BlobReader.open({ ...repository.access, storage: watched });
      await blobs.read(blobType.data, idOf(repository), undefined);
      await blobs.read(blobType.data, idOf(repository), undefined);
      assert.equal(ranges.length, 1);
      for (const [offset, length] of ranges) {
        assert.equal(offset % 65_536, 0);
        assert.ok(length % 65_536 === 0 || offset + length === pack.bytes.length);
      }
    });
  });
});

describe('snapshots', () => {
  test('a snapshot is complete with its seal, unfinished without, and gone when forgotten', async () => {
    await withRepository(async (repository, storage, { places, source }) => {
      const first = await backUpOnce(storage, places, { paths: [source] });
      writeFileSync(`${source}/file`, 'changed');
      const second = await backUpOnce(storage, places, { paths: [source] });
      const { access } = repository;
      const list = await listSnapshots(access);
      assert.deepEqual(
        list.snapshots.map(({ snapshot }) => [snapshot.id, snapshot.state]),
        [
          [first, 'complete'],
          [second, 'complete'],
        ],
      );
      assert.deepEqual(list.findings, []);
      assert.equal(list.snapshots[0]!.snapshot.stats!.files, 2);
      const seal = await storage.read(`seals/${first}`);
      await storage.delete(`seals/${first}`);
      const without = await listSnapshots(access);
      assert.equal(without.snapshots[0]!.snapshot.state, 'unfinished');
      assert.deepEqual(
        without.findings.map(({ kind }) => kind),
        ['missing-snapshot'],
      );
      await storage.put(`seals/${first}`, seal);
      const listed = list.snapshots[0]!.seal!;
      const forget = {
        id: toHex(access.random(16)),
        snapshots: [
          {
            snapshotId: first,
            hostId: listed.value.hostId,
            sequence: listed.value.sequence,
            sealHash: listed.hash,
          },
        ],
        time: 0,
        merged: [],
      };
      const record = encodeForget(forget, access.signing);
      await storage.put(record.name, record.bytes);
      const returned = await listSnapshots(access);
      assert.deepEqual(
        returned.snapshots.map(({ snapshot }) => snapshot.id),
        [second],
      );
      assert.deepEqual(
        returned.findings.map(({ kind }) => kind),
        ['returned'],
      );
      await storage.delete(`snapshots/${first}`);
      await storage.delete(`seals/${first}`);
      assert.deepEqual((await listSnapshots(access)).findings, []);
    });
  });

  test('notices what was taken away, set back or forked', async () => {
    await withRepository(async (repository, storage, { places, source }) => {
      const ids: string[] = [];
      for (const text of ['1', '2', '3']) {
        writeFileSync(`${source}/file`, text);
        ids.push(await backUpOnce(storage, places, { paths: [source] }));
      }
      const { access } = repository;
      const kindsWith = async (
        change: (copy: MemoryStorage) => Promise<void>,
        remembered?: ReadonlyMap<string, number>,
      ): Promise<string[]> => {
        const copy = new MemoryStorage();
        for await (const { name } of storage.list(''))
          await copy.put(name, await storage.read(name));
        await change(copy);
        const list = await listSnapshots({ ...access, storage: copy }, { remembered });
        return list.findings.map(({ kind }) => kind);
      };
      const [, second, third] = ids as [string, string, string];
      const drop = async (copy: MemoryStorage, id: string): Promise<void> => {
        await copy.delete(`snapshots/${id}`);
        await copy.delete(`seals/${id}`);
      };
      assert.deepEqual(await kindsWith((copy) => drop(copy, second)), ['missing-snapshot']);
      assert.deepEqual(await kindsWith((copy) => copy.delete(`snapshots/${third}`)), [
        'unmatched-seal',
      ]);
      const hosts = new Map([[access.hostId, 3]]);
      assert.deepEqual(await kindsWith((copy) => drop(copy, third), hosts), ['step-back']);
      assert.deepEqual(await kindsWith(async () => undefined, hosts), []);
      const swapped = await kindsWith(async (copy) => {
        const name = `seals/${third}`;
        const { value } = decodeSeal(name, await copy.read(name), access.verifying);
        const twin = encodeSeal({ ...value, sequence: 2 }, access.signing);
        await copy.put(name, twin.bytes);
      });
      assert.deepEqual(swapped, ['fork']);
    });
  });

  test('a flipped bit in every object that listing reads is found and named', async () => {
    await withRepository(async (repository, storage, { places, source }) => {
      await backUpOnce(storage, places, { paths: [source] });
      const id = (await listSnapshots(repository.access)).snapshots[0]!.snapshot.id;
      for (const object of [`snapshots/${id}`, `seals/${id}`]) {
        const { size } = await storage.stat(object);
        for (const byte of [0, 9, 50, 1250, size - 1].filter((at) => at < size)) {
          const bad = damaging(storage, (name) => (name === object ? { byte } : undefined));
          const attempt = listSnapshots({ ...repository.access, storage: bad });
          // Another version or suite is not damage to go on with, but needs a newer program.
          const list = await attempt.catch((error: unknown) => {
            assert.ok(hasCode(error, 'repository/unsupported'));
            assert.ok(error.message.includes(object));
            return undefined;
          });
          if (list === undefined) continue;
          assert.ok(
            list.findings.some((finding) => finding.object === object),
            `byte ${byte} of ${object}`,
          );
          assert.equal(list.unreadable.includes(object), object.startsWith('snapshots/'));
        }
      }
    });
  });

  test('what is forgotten after it was asked for ahead is neither there nor lost', async () => {
    await withRepository(async (repository, storage, { places, source }) => {
      const forgotten = await backUpOnce(storage, places, { paths: [source] });
      const other = await backUpOnce(storage, places, { paths: [source] });
      const { access } = repository;
      const { seal } = (await listSnapshots(access)).snapshots[0]!;
      const { hostId, sequence, snapshotId } = seal!.value;
      const removals = [[`seals/${forgotten}`, `snapshots/${forgotten}`], [`seals/${forgotten}`]];
      for (const removed of removals) {
        const ahead = askingAhead(forward(storage));
        // Another machine forgets it when everything was listed and nothing was read.
        ahead.askFor(['seals/', 'snapshots/', 'forgets/'], { isAtHand: async () => true });
        await systemClock.sleep(20);
        const snapshots = [{ snapshotId, hostId, sequence, sealHash: seal!.hash }];
        const record = encodeForget(
          { id: toHex(access.random(16)), snapshots, time: 0, merged: [] },
          access.signing,
        );
        await storage.put(record.name, record.bytes);
        const objects = await Promise.all(removed.map((name) => storage.read(name)));
        for (const name of removed) await storage.delete(name);
        const list = await listSnapshots({ ...access, storage: ahead });
        assert.deepEqual(
          list.snapshots.map(({ snapshot }) => snapshot.id),
          [other],
        );
        assert.deepEqual(
          list.findings.filter(({ kind }) => kind !== 'returned'),
          [],
        );
        await storage.delete(record.name);
        for (const [index, name] of removed.entries()) await storage.put(name, objects[index]!);
      }
    });
  });

  test('what another process has seen since it was listed ahead is no step back', async () => {
    await withRepository(async (repository, storage, { places, source }) => {
      await backUpOnce(storage, places, { paths: [source] });
      const { access } = repository;
      const ahead = askingAhead(forward(storage));
      ahead.askFor(['seals/', 'snapshots/', 'forgets/']);
      await systemClock.sleep(20);
      await backUpOnce(storage, places, { paths: [source] });
      const { seals } = await listSnapshots(access);
      const remembered = new Map([[seals[0]!.value.hostId, 2]]);
      const list = await listSnapshots({ ...access, storage: ahead }, { remembered });
      assert.equal(list.snapshots.length, 2);
      assert.deepEqual(list.findings, []);
      remembered.set(seals[0]!.value.hostId, 3);
      const { findings } = await listSnapshots({ ...access, storage: ahead }, { remembered });
      assert.deepEqual(
        findings.map(({ kind }) => kind),
        ['step-back'],
      );
    });
  });

  test('a read that fails is an error, not a shorter list', async () => {
    await withRepository(async (repository, storage, { places, source }) => {
      await backUpOnce(storage, places, { paths: [source] });
      for (const prefix of ['snapshots/', 'seals/']) {
        const failing: Storage = {
          ...kept(storage),
          read: (name, options) =>
            name.startsWith(prefix)
              ? Promise.reject(new Error('timed out'))
              : storage.read(name, options),
        };
        await assert.rejects(
          listSnapshots({ ...repository.access, storage: failing }),
          /timed out/u,
        );
      }
    });
  });
});

describe('trees and content', () => {
  test('walks in order, finds paths, reads ranges', async () => {
    await withRepository(async (repository, storage, { places, source }) => {
      await backUpOnce(storage, places, { paths: [source] });
      const { snapshots } = await listSnapshots(repository.access);
      const { root } = snapshots[0]!;
      const blobs = await BlobReader.open(repository.access);
      const paths = await Array.fromAsync(walkTree(blobs, root), ({ path }) =>
        Buffer.from(path).toString(),
      );
      assert.deepEqual(paths, ['', 'file', 'sub', 'sub/large']);
      const { encoded, entries } = await readTree(blobs, root.tree!);
      assert.equal(encoded.length, entries.length);
      const large = await findEntry(blobs, root, Buffer.from('/sub//large/'));
      const whole = Buffer.concat(await Array.fromAsync(readContent(blobs, large)));
      assert.equal(whole.length, 3_000_000);
      for (const [offset, length] of [
        [0, 10],
        [1_499_999, 700_001],
        [2_999_999, 50],
        [3_000_000, 1],
      ] as const) {
        const part = Buffer.concat(
          await Array.fromAsync(readContent(blobs, large, { offset, length })),
        );
        assert.ok(part.equals(whole.subarray(offset, offset + length)));
      }
      await assert.rejects(findEntry(blobs, root, Buffer.from('file/below')), (error) =>
        hasCode(error, 'snapshot/missing'),
      );
    });
  });
});
