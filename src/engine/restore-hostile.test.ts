import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { damaging } from '../../test/support/damaging-storage.ts';
import { plainEntry } from '../../test/support/sample-entry.ts';
import { scratchDirectory } from '../../test/support/scratch-directory.ts';
import {
  backUpOnce,
  createSmall,
  machine,
  openSmall,
} from '../../test/support/small-repository.ts';
import { compareTrees } from '../../test/support/tree-comparer.ts';
import { fromHex, toHex } from '../base/bytes.ts';
import { systemClock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import { ByteWriter } from '../codec/binary/byte-writer.ts';
import { sha256 } from '../codec/encryption/key-derivation.ts';
import { signerFromSeed } from '../codec/encryption/signature.ts';
import type { OperationEvent } from '../model/event.ts';
import { compilePathFilter } from '../model/path-filter.ts';
import { BlobNamer, blobType } from '../repository/native/content/blob-id.ts';
import { encodeReference, writeContentItem } from '../repository/native/content/content-list.ts';
import {
  encodeEntry,
  encodeTree,
  rootName,
  type TreeEntry,
} from '../repository/native/content/tree.ts';
import { BlobTable } from '../repository/native/index/blob-table.ts';
import type { NativeRepository } from '../repository/native/native-repository.ts';
import { encodeFinal } from '../repository/native/objects/final.ts';
import { packName } from '../repository/native/objects/object-name.ts';
import { encodeSeal, noPreviousSeal } from '../repository/native/objects/seal.ts';
import { BlobPacker } from '../repository/native/packs/blob-packer.ts';
import { PackBuilder, type PackContext } from '../repository/native/packs/pack-builder.ts';
import { listSnapshots } from '../repository/native/reader/snapshot-list.ts';
import { MemoryStorage } from '../storage/drivers/memory/memory.ts';
import type { Storage } from '../storage/storage.ts';
import { restore } from './restore.ts';

type Kind = 'data' | 'meta';

/** Somebody who holds all keys and writes what no honest program writes. */
class Forger {
  readonly #repository: NativeRepository;
  readonly #context: PackContext;
  readonly #packers: Readonly<Record<Kind, BlobPacker>>;
  readonly #packs: { readonly name: Uint8Array; readonly bytes: Uint8Array }[] = [];

  constructor(repository: NativeRepository) {
    this.#repository = repository;
    const { access } = repository;
    const { keys, random } = access;
    this.#context = {
      repositoryId: keys.repositoryId,
      indexKey: keys.indexKey,
      dataPublic: keys.dataPublic,
      metaPublic: keys.metaPublic,
      signerId: fromHex(access.hostId),
      signer: signerFromSeed(access.hostSeed),
      runId: random(16),
      target: 1_000_000,
      compressionLevel: 1,
      verify: true,
      random,
    };
    const packer = (kind: Kind): BlobPacker =>
      new BlobPacker(
        this.#context,
        kind,
        BlobTable.allocate(0, 0),
        new BlobNamer(keys.idKey),
        (pack) => this.#packs.push(pack),
      );
    this.#packers = { data: packer('data'), meta: packer('meta') };
  }

  file(name: string, text: string, more: Partial<TreeEntry> = {}): TreeEntry {
    const bytes = Buffer.from(text);
    const list = new ByteWriter(64);
    writeContentItem(list, bytes.length, this.#packers.data.add(blobType.data, bytes));
    const content = { depth: 0, list: list.take() };
    return { ...entryOf(name, 'file'), size: bytes.length, content, ...more };
  }

  directory(name: string, entries: readonly TreeEntry[]): TreeEntry {
    const bytes = encodeTree(entries.map(encodeEntry)).take();
    const list = new ByteWriter(64);
    writeContentItem(list, bytes.length, this.#packers.meta.add(blobType.tree, bytes));
    const tree = { depth: 0, list: list.take() };
    assert.ok(encodeReference(tree).length > 32);
    return { ...entryOf(name, 'directory'), tree };
  }

  /** A pack whose table claims that its content is the blob `id`. */
  lie(id: Uint8Array, content: Uint8Array): void {
    const builder = new PackBuilder(this.#context, 'data', 0, new Uint8Array(1_000_000));
    builder.append(
      builder.prepare(content, [{ type: blobType.data, rawLength: content.length, id }]),
    );
    this.#packs.push(builder.finish());
  }

  async publish(entries: readonly TreeEntry[]): Promise<void> {
    const { access } = this.#repository;
    const { keys, random, storage, signing } = access;
    const root = { ...this.directory('root', entries), name: rootName };
    for (const packer of Object.values(this.#packers)) packer.flush();
    for (const { name, bytes } of this.#packs) await storage.put(packName(toHex(name)), bytes);
    const id = toHex(random(16));
    const runId = toHex(random(16));
    const final = encodeFinal(
      {
        id,
        root: encodeEntry(root),
        started: 0,
        ended: undefined,
        hostName: 'evil',
        userName: undefined,
        paths: [Buffer.from('/evil')],
        tags: [],
        runId,
        statistics: undefined,
        program: undefined,
        commonParent: undefined,
        sourceKind: 'files',
      },
      {
        repositoryId: keys.repositoryId,
        metaPublic: keys.metaPublic,
        signer: signing.signer,
        random,
      },
    );
    await storage.put(final.name, final.bytes);
    const seal = encodeSeal(
      {
        snapshotId: id,
        finalHash: toHex(sha256(final.bytes)),
        runId,
        hostId: access.hostId,
        sequence: 1,
        previousSeal: noPreviousSeal,
        time: 0,
        sourceBytes: undefined,
        storedBytes: undefined,
        entries: undefined,
        settingsNumber: undefined,
        voided: [],
      },
      signing,
    );
    await storage.put(seal.name, seal.bytes);
  }
}

function entryOf(name: string, type: TreeEntry['type']): TreeEntry {
  return {
    ...plainEntry,
    name: Buffer.from(name, 'latin1'),
    type,
    mode: 0o755,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    content: undefined,
    tree: undefined,
    hardLink: undefined,
    torn: false,
  };
}

const link = (name: string, to: string): TreeEntry => ({
  ...entryOf(name, 'symlink'),
  linkTarget: Buffer.from(to),
});

/** Restores a forged snapshot into `jail/target`; gives the problems, and fails if anything appears beside the target. */
async function restoreForged(
  make: (forger: Forger, outside: string) => readonly TreeEntry[],
  check: (target: string, problems: readonly string[]) => void,
): Promise<void> {
  using scratch = scratchDirectory();
  const outside = scratch.of('outside');
  mkdirSync(outside);
  writeFileSync(`${outside}/precious`, 'precious');
  const storage = new MemoryStorage();
  await createSmall(storage, machine(scratch.path));
  await using repository = await openSmall(storage, machine(scratch.path));
  const forger = new Forger(repository);
  await forger.publish(make(forger, outside));
  const target = scratch.of('jail', 'target');
  mkdirSync(target, { recursive: true });
  const problems = await restoreInto(repository, storage, target);
  assert.deepEqual(readdirSync(scratch.of('jail')), ['target']);
  assert.deepEqual(readdirSync(outside), ['precious']);
  assert.equal(readFileSync(`${outside}/precious`, 'utf8'), 'precious');
  check(target, problems);
}

async function restoreInto(
  repository: NativeRepository,
  storage: Storage,
  target: string,
): Promise<string[]> {
  const access = { ...repository.access, storage };
  const { snapshots } = await listSnapshots(access);
  const events: OperationEvent[] = [];
  await restore(
    access,
    {
      snapshot: snapshots.at(-1)!,
      target,
      filter: compilePathFilter([]),
      delete: false,
      kept: [],
      dryRun: false,
      verify: false,
      owners: 'numbers',
      workers: 1,
      verbose: false,
    },
    {
      clock: systemClock,
      signal: new AbortController().signal,
      report: (event) => events.push(event),
    },
  );
  return events.flatMap((event) => (event.type === 'problem' ? [event.error.message] : []));
}

describe('a hostile repository cannot reach outside the target', () => {
  for (const name of ['..', '.', '', 'a/b', '../escaped', '/tmp/escaped', 'nul\0']) {
    test(`a name ${JSON.stringify(name)}`, async () => {
      await restoreForged(
        (forger) => [
          forger.directory('bad', [forger.file(name, 'escaped')]),
          forger.file('good', 'good'),
        ],
        (target, problems) => {
          assert.equal(problems.length, 1);
          assert.match(problems[0]!, /Impossible name/u);
          assert.equal(readFileSync(`${target}/good`, 'utf8'), 'good');
          assert.deepEqual(readdirSync(`${target}/bad`), []);
        },
      );
    });
  }

  test('a link out and a directory of the same name', async () => {
    await restoreForged(
      (forger, outside) => [
        forger.directory('d', [
          link('x', outside),
          forger.directory('x', [forger.file('made', 'escaped')]),
        ]),
      ],
      (target, problems) => {
        assert.match(problems[0]!, /out of order/u);
        assert.deepEqual(readdirSync(`${target}/d`), []);
      },
    );
  });

  test('a link out, and a hard link to it that claims to be a file', async () => {
    const hardLink = Buffer.alloc(8, 7);
    await restoreForged(
      (forger, outside) => [
        { ...link('a', `${outside}/precious`), hardLink },
        forger.file('b', 'overwritten', { hardLink }),
        forger.file('c', 'x'.repeat(10), { size: 2 ** 50 }),
      ],
      (target, problems) => {
        assert.ok(existsSync(`${target}/a`));
        assert.equal(problems.length, 1);
      },
    );
  });

  test('a pack that claims to hold what it does not', async () => {
    const id = systemRandom(32);
    await restoreForged(
      (forger) => {
        const list = new ByteWriter(64);
        writeContentItem(list, 6, id);
        forger.lie(id, Buffer.from('poison'));
        const content = { depth: 0, list: list.take() };
        return [{ ...entryOf('bad', 'file'), size: 6, content }, forger.file('good', 'good')];
      },
      (target, problems) => {
        assert.ok(problems.some((message) => message.includes('something else')));
        assert.ok(problems.some((message) => message.includes('6 of 6 bytes of "bad" are lost')));
        assert.deepEqual(readdirSync(target), ['good']);
      },
    );
  });

  test('content that is not what the entry says', async () => {
    await restoreForged(
      (forger) => [
        forger.file('long', 'longer than it says', { size: 3 }),
        forger.file('short', 'shorter', { size: 3000 }),
      ],
      (target, problems) => {
        assert.equal(problems.length, 2);
        assert.deepEqual(readdirSync(target), []);
      },
    );
  });
});

describe('damage', () => {
  test('a flipped bit anywhere in any pack or index object is named, and nothing wrong is restored', async () => {
    using scratch = scratchDirectory();
    const source = scratch.of('source');
    mkdirSync(`${source}/sub`, { recursive: true });
    writeFileSync(`${source}/file`, 'x'.repeat(3000));
    writeFileSync(`${source}/sub/random`, systemRandom(800_000));
    const storage = new MemoryStorage();
    const places = { ...machine(scratch.path), cacheDirectory: undefined };
    await createSmall(storage, places);
    await backUpOnce(storage, places, { paths: [source] });
    await using repository = await openSmall(storage, places);
    let round = 0;
    for await (const { name: object, size } of storage.list('')) {
      const isPack = object.startsWith('packs/');
      if (!isPack && !object.startsWith('index/')) continue;
      const bytes = [3, 8, 9, 10, 11, 20, 600, 1180, 1230, Math.floor(size / 2), size - 1];
      for (const byte of bytes.filter((at) => at < size)) {
        const bad = damaging(storage, (name) => (name === object ? { byte } : undefined));
        const target = scratch.of(`target-${round++}`);
        let problems: string[];
        try {
          problems = await restoreInto(repository, bad, target);
        } catch (error) {
          assert.ok(error instanceof AppError);
          assert.match(error.code, /^repository\//u);
          problems = [error.message];
        }
        const context = `byte ${byte} of ${object}: ${problems.join('; ')}`;
        const differences = existsSync(target) ? compareTrees(source, target) : [];
        // Only a reader of single segments of a pack may not touch the byte that is wrong.
        if (problems.length === 0) assert.deepEqual(differences, [], context);
        else
          assert.ok(
            problems.some((message) => message.includes(object)),
            context,
          );
        const wrong = differences.filter(({ what, path }) => what === 'content' && path !== '""');
        assert.ok(
          wrong.every(({ path }) =>
            problems.join('').includes(path.slice(1, -1).split('/').at(-1)!),
          ),
          context,
        );
      }
    }
    assert.ok(round > 20);
  });
});
