import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import {
  openArchive,
  plainProtection,
  setsAt,
  symmetricProtection,
} from '#test/support/duplicity-fixture.ts';
import { plainEntry } from '#test/support/sample-entry.ts';
import { fullSet } from '#test/support/full-set.ts';
import { checkSignatures, contentsOf } from '#test/support/archive-backup.ts';
import { AppError } from '../../../base/errors.ts';
import { MemoryStorage } from '../../../storage/drivers/memory/memory.ts';
import type { DuplicityArchive } from '../duplicity-archive.ts';
import { SignatureState } from '../reader/signature-state.ts';
import { placeOf } from './set-place.ts';
import type { ItemContent, ItemEntry, SourceItem } from './source-item.ts';
import { writeSyntheticFull } from './synthetic-full.ts';
import { type SetInput, writeSet, type WrittenSet } from './write-set.ts';

/** What a file gives each time it is opened: an error where it cannot be read on. */
type Version = readonly (Uint8Array | AppError)[];

function entryOf(type: 'file' | 'directory', size = 0, seconds = 1_700_000_000): ItemEntry {
  return {
    ...plainEntry,
    type,
    mode: type === 'file' ? 0o644 : 0o755,
    user: 'root',
    group: 'root',
    mtime: { seconds, nanoseconds: 5 },
    size,
    blocks: 0,
  };
}

class FakeContent implements ItemContent {
  readonly #parts: (Uint8Array | AppError)[];
  readonly #isSteady: boolean;

  constructor(version: Version, isSteady: boolean) {
    this.#parts = [...version];
    this.#isSteady = isSteady;
  }

  readInto(buffer: Uint8Array, offset: number, length: number): number {
    let count = 0;
    for (let part = this.#parts[0]; part !== undefined && count < length; part = this.#parts[0]) {
      if (part instanceof AppError) {
        if (count > 0) return count;
        throw part;
      }
      const piece = part.subarray(0, length - count);
      buffer.set(piece, offset + count);
      count += piece.length;
      if (piece.length === part.length) this.#parts.shift();
      else this.#parts[0] = part.subarray(piece.length);
    }
    return count;
  }

  isUnchanged(): boolean {
    return this.#isSteady;
  }

  [Symbol.dispose](): void {
    this.#parts.length = 0;
  }
}

interface FakeFile {
  readonly path: string;
  /** The size that was seen before it was opened. */
  readonly size?: number;
  readonly versions: readonly Version[];
  readonly steady?: readonly boolean[];
  readonly seconds?: number;
}

function itemOf({ path, size, versions, steady, seconds }: FakeFile): SourceItem {
  let opened = 0;
  const first = versions[0] ?? [];
  const length = first.reduce((sum, part) => sum + (part instanceof AppError ? 0 : part.length), 0);
  return {
    path: Buffer.from(path),
    entry: entryOf('file', size ?? length, seconds),
    linkGroup: undefined,
    open: () => {
      const at = Math.min(opened++, versions.length - 1);
      return new FakeContent(versions[at] ?? [], steady?.[at] ?? true);
    },
  };
}

const rootItem: SourceItem = {
  path: new Uint8Array(),
  entry: entryOf('directory'),
  linkGroup: undefined,
  open: () => assert.fail('A directory was opened'),
};

interface Problem {
  readonly path: string;
  readonly code: string;
}

async function write(
  archive: DuplicityArchive,
  files: readonly FakeFile[],
  more: Partial<SetInput> = {},
): Promise<WrittenSet & { readonly problems: readonly Problem[]; readonly sizes: number[] }> {
  const problems: Problem[] = [];
  const sizes: number[] = [];
  const written = await writeSet(placeOf(archive), {
    ...fullSet,
    items: [rootItem, ...files.map(itemOf)],
    onProblem: (path, error) =>
      void problems.push({ path: Buffer.from(path).toString(), code: error.code }),
    onVolume: (_number, bytes) => void sizes.push(bytes),
    ...more,
  });
  return { ...written, problems, sizes };
}

/** An incremental set upon the newest one. */
async function writeNext(
  archive: DuplicityArchive,
  files: readonly FakeFile[],
  more: Partial<SetInput> = {},
): ReturnType<typeof write> {
  const sets = await setsAt(archive);
  const start = sets.at(-1)?.end ?? 0;
  return write(archive, files, {
    identity: { set: 'incremental', start, end: start + 10 },
    state: () => new SignatureState(archive, sets),
    ...more,
  });
}

function noise(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

function assertSame(left: Record<string, Uint8Array>, right: Record<string, Uint8Array>): void {
  assert.deepEqual(Object.keys(left), Object.keys(right));
  for (const [path, bytes] of Object.entries(left)) {
    assert.ok(Buffer.from(bytes).equals(right[path]!), path);
  }
}

const unreadable = new AppError('source/unreadable', 'Cannot read');

describe('a set', () => {
  test('holds files of any length, around the length of a block and in many volumes', async () => {
    for (const protection of [plainProtection, symmetricProtection()]) {
      await using archive = await openArchive(new MemoryStorage(), protection);
      const lengths = [0, 1, 511, 512, 65_535, 65_536, 65_537, 131_072, 1_500_000, 3];
      const files = lengths.map((length, index) => ({
        path: `file ${index}`,
        versions: [[noise(length, index + 1)]],
      }));
      const { volumes, sizes, isStored, problems } = await write(archive, files);
      assert.ok(isStored);
      assert.deepEqual(problems, []);
      assert.equal(sizes.length, volumes);
      assert.ok(volumes >= 2 && volumes <= 3, String(volumes));
      for (const size of sizes) assert.ok(size <= 1024 * 1024, String(size));
      assertSame(
        await contentsOf(archive),
        Object.fromEntries(files.map(({ path, versions }) => [path, versions[0]![0]!])),
      );
      await checkSignatures(archive);
      const [set] = (await archive.collection()).chains[0]!.sets;
      const manifest = await archive.manifestOf(set, { files: true });
      assert.equal(manifest.volumes.length, volumes);
      assert.equal(manifest.files?.length, files.length);
      assert.deepEqual((await archive.collection()).findings, []);
      assert.deepEqual(
        readdirSync(archive.directory.path).map((name) => name.replace(/\.\d.*Z/u, '')),
        ['duplicity-full-signatures.sigtar.gz', 'duplicity-full.manifest'],
      );
    }
  });

  test('is empty, or is not, when nothing changed', async () => {
    await using archive = await openArchive(new MemoryStorage());
    const files = [{ path: 'a', versions: [[noise(10)]] }];
    await write(archive, files);
    const skipped = await writeNext(archive, files, { skipIfNoChange: true });
    assert.deepEqual([skipped.isStored, skipped.volumes, skipped.bytes], [false, 0, 0]);
    assert.equal((await setsAt(archive)).length, 1);
    const rehearsed = await writeNext(archive, [], { dryRun: true });
    assert.deepEqual([rehearsed.isStored, rehearsed.statistics.deletedFiles], [false, 1]);
    assert.equal((await setsAt(archive)).length, 1);
    assert.equal(readdirSync(archive.directory.path).length, 2);
    const empty = await writeNext(archive, files);
    assert.deepEqual([empty.isStored, empty.volumes], [true, 1]);
    assert.equal((await setsAt(archive)).length, 2);
    const [, set] = await setsAt(archive);
    const [volume] = (await archive.manifestOf(set!)).volumes;
    assert.equal(volume?.start.path.length, 0);
  });

  test('is not there when a problem ends it before the first volume, and nothing is left', async () => {
    await using archive = await openArchive(new MemoryStorage());
    const broken = { path: 'b', versions: [[new AppError('internal', 'Broken')]] };
    await assert.rejects(write(archive, [{ path: 'a', versions: [[noise(10)]] }, broken]), {
      message: 'Broken',
    });
    assert.deepEqual(readdirSync(archive.directory.path), []);
    assert.equal((await archive.collection()).remote.length, 0);
  });

  test('does not replace what is there already', async () => {
    const storage = new MemoryStorage();
    await using archive = await openArchive(storage);
    const name = 'duplicity-full.20231114T221320Z.vol1.difftar.gz';
    await storage.put(name, Buffer.from('somebody else'));
    await assert.rejects(write(archive, []), { code: 'storage/already-exists' });
    assert.equal(Buffer.from(await storage.read(name)).toString(), 'somebody else');
  });
});

describe('a file that changes while it is read', () => {
  const versions = [0, 1, 700, 65_535, 65_536, 65_537, 200_000];

  test('leaves an archive that is right, whatever it does', async () => {
    const length = fc.constantFrom(...versions);
    const scenario = fc.record({
      seen: length,
      first: length,
      second: length,
      steady: fc.tuple(fc.boolean(), fc.boolean()),
      failsAfter: fc.option(length, { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, fc.boolean(), async (given, isNext) => {
        const { seen, first, second, steady, failsAfter } = given;
        await using archive = await openArchive(new MemoryStorage());
        const version = (size: number, seed: number): Version => [
          noise(Math.min(size, failsAfter ?? size), seed),
          ...(failsAfter === undefined ? [] : [unreadable]),
        ];
        const file = {
          path: 'b',
          size: seen,
          versions: [version(first, 3), version(second, 3)],
          steady,
          seconds: 1_700_000_100,
        };
        const around = [
          { path: 'a', versions: [[noise(100, 8)]] },
          { path: 'c', versions: [[noise(70_000, 9)]] },
        ] as const;
        if (isNext) {
          await write(archive, [
            around[0],
            { path: 'b', versions: [[noise(150_000, 3)]] },
            around[1],
          ]);
          await writeNext(archive, [around[0], file, around[1]]);
        } else await write(archive, [around[0], file, around[1]]);
        const contents = await contentsOf(archive);
        assert.ok(contents['a']!.length === 100 && contents['c']!.length === 70_000);
        await checkSignatures(archive);
      }),
      { numRuns: 50 },
    );
  });

  test('is read again if it is small, and told of if it goes on changing', async () => {
    await using archive = await openArchive(new MemoryStorage());
    const { problems, statistics } = await write(archive, [
      { path: 'calm', versions: [[noise(5)], [noise(9)]], steady: [false, true] },
      { path: 'grown', size: 5, versions: [[noise(800)], [noise(800)]], steady: [true, true] },
      { path: 'large', versions: [[noise(100_000)], [noise(5)]], steady: [false] },
      { path: 'torn', versions: [[noise(5)], [noise(6)]], steady: [false, false] },
    ]);
    assert.deepEqual(problems, [
      { path: 'large', code: 'source/changed' },
      { path: 'torn', code: 'source/changed' },
    ]);
    assert.equal(statistics.errors, 2);
    const lengths = Object.entries(await contentsOf(archive)).map(([path, bytes]) => [
      path,
      bytes.length,
    ]);
    assert.deepEqual(Object.fromEntries(lengths), {
      calm: 9,
      grown: 800,
      large: 100_000,
      torn: 6,
    });
    // Whoever comes next looks at what was torn again, though its times say nothing.
    const again = await writeNext(archive, [
      { path: 'calm', versions: [[noise(9)]] },
      { path: 'grown', size: 5, versions: [[noise(800)]] },
      { path: 'large', versions: [[noise(100_000, 2)]] },
      { path: 'torn', versions: [[noise(6, 2)]] },
    ]);
    assert.equal(again.statistics.changedFiles, 3);
  });

  test('is kept as the archive has it when it cannot be read', async () => {
    await using archive = await openArchive(new MemoryStorage());
    await write(archive, [{ path: 'a', versions: [[noise(9)]] }]);
    const { problems, statistics } = await writeNext(archive, [
      { path: 'a', size: 10, versions: [[unreadable]] },
    ]);
    assert.deepEqual(problems, [{ path: 'a', code: 'source/unreadable' }]);
    assert.deepEqual([statistics.errors, statistics.deltaEntries], [1, 0]);
    assertSame(await contentsOf(archive), { a: noise(9) });
    await writeNext(archive, [], { isUnreadable: (path) => Buffer.from(path).toString() === 'a' });
    assertSame(await contentsOf(archive), { a: noise(9) });
    await writeNext(archive, []);
    assertSame(await contentsOf(archive), {});
  });
});

describe('an incremental set', () => {
  test('follows any history', async () => {
    const file = fc.record({
      path: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      length: fc.constantFrom(0, 10, 600, 65_536, 90_000),
      seed: fc.integer({ min: 1, max: 3 }),
    });
    const state = fc.uniqueArray(file, { selector: ({ path }) => path, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.array(state, { minLength: 1, maxLength: 4 }), async (history) => {
        await using archive = await openArchive(new MemoryStorage());
        for (const [index, files] of history.entries()) {
          const fakes = files
            .toSorted((left, right) => (left.path < right.path ? -1 : 1))
            .map(({ path, length, seed }): FakeFile => ({
              path,
              versions: [[noise(length, seed)]],
              seconds: 1_600_000_000 + index,
            }));
          await (index === 0 ? write(archive, fakes) : writeNext(archive, fakes));
          assertSame(
            await contentsOf(archive),
            Object.fromEntries(
              fakes.map(({ path, versions }) => [path, versions[0]![0] as Uint8Array]),
            ),
          );
        }
        await checkSignatures(archive);
      }),
      { numRuns: 25 },
    );
  });

  test('notices another size, another time within the second, and other attributes', async () => {
    await using archive = await openArchive(new MemoryStorage());
    const plain = itemOf({ path: 'a', versions: [[noise(9)]] });
    const variants: SourceItem[] = [
      { ...plain, entry: { ...plain.entry, size: 10 } },
      { ...plain, entry: { ...plain.entry, mtime: { seconds: 1_700_000_000, nanoseconds: 6 } } },
      {
        ...plain,
        entry: {
          ...plain.entry,
          xattrs: [{ name: Buffer.from('user.a'), value: Buffer.from('b') }],
        },
      },
      { ...plain, entry: { ...plain.entry, fileFlags: 0x40 } },
      { ...plain, linkGroup: Buffer.from('a') },
    ];
    await write(archive, [], { items: [rootItem, plain] });
    for (const variant of variants) {
      const { statistics } = await writeNext(archive, [], {
        items: [rootItem, variant],
        dryRun: true,
      });
      assert.equal(statistics.changedFiles, 1);
    }
    const same = await writeNext(archive, [], { items: [rootItem, plain], dryRun: true });
    assert.equal(same.statistics.deltaEntries, 0);
  });

  test('notices another size in a chain of others only where it must differ', async () => {
    for (const [seconds, sizes] of [
      [1_699_999_999, { 600: 0, 1024: 0, 512: 1, 1025: 1 }],
      // In the second in which the set was begun it may have been written to after it was read.
      [1_700_000_000, { 600: 1, 700: 1 }],
    ] as const) {
      await using chain = await openArchive(new MemoryStorage());
      const stored = [{ path: 'a', versions: [[noise(700)]], seconds }];
      await write(chain, stored, { extensions: false });
      for (const [size, changed] of Object.entries(sizes)) {
        const next = [{ path: 'a', versions: [[noise(Number(size))]], seconds }];
        const { statistics } = await writeNext(chain, next, { dryRun: true });
        assert.equal(statistics.changedFiles, changed, size);
      }
    }
  });
});

describe('a synthetic full set', () => {
  const settings = { volumeSize: 1024 * 1024, concurrency: 2, verify: true };

  async function chainOf(archive: DuplicityArchive): Promise<void> {
    const a: FakeFile = { path: 'a', versions: [[noise(200_000)]] };
    const b: FakeFile = { path: 'b', versions: [[noise(700)]] };
    const c: FakeFile = { path: 'c', versions: [[noise(1_200_000, 3)]] };
    await write(archive, [a, b, c]);
    const longer = { ...a, versions: [[Buffer.concat([noise(200_000), noise(65_536)])]] };
    await writeNext(archive, [longer, c, { path: 'd', versions: [[]] }]);
    const torn = {
      ...c,
      versions: [[noise(800_000, 3)]],
      steady: [false],
      seconds: 1_700_000_500,
    };
    await writeNext(archive, [longer, torn, { path: 'd', versions: [[]] }]);
  }

  test('is what the chain gives, and is built upon', async () => {
    for (const protection of [plainProtection, symmetricProtection()]) {
      await using archive = await openArchive(new MemoryStorage(), protection);
      await chainOf(archive);
      const before = await contentsOf(archive);
      const made = await writeSyntheticFull(archive, { ...settings, time: 1_800_000_000 });
      assert.equal(made?.identity.set, 'full');
      assert.ok(made.written.volumes >= 2);
      assert.equal((await setsAt(archive)).length, 1);
      assertSame(await contentsOf(archive), before);
      await checkSignatures(archive);
      const { statistics } = await writeNext(archive, [
        { path: 'a', versions: [[before['a']!]] },
        { path: 'c', versions: [[noise(800_000, 3)]], seconds: 1_700_000_500 },
        { path: 'd', versions: [[]] },
      ]);
      // Only what was torn then is looked at.
      assert.deepEqual([statistics.changedFiles, statistics.deltaEntries], [1, 1]);
      const again = await writeSyntheticFull(archive, { ...settings, time: 1_900_000_000 });
      assert.equal(again?.identity.end, 1_900_000_000);
      assert.equal(await writeSyntheticFull(archive, settings), undefined);
    }
  });

  test('is not made of a chain that is damaged', async () => {
    const storage = new MemoryStorage();
    await using archive = await openArchive(storage);
    await chainOf(archive);
    const [, , last] = await setsAt(archive);
    const { name } = last!.volumes.get(1)!;
    const bytes = Buffer.from(await storage.read(name));
    bytes[Math.floor(bytes.length / 2)]! ^= 1;
    await storage.put(name, bytes);
    const count = (await archive.collection()).remote.length;
    await assert.rejects(writeSyntheticFull(archive, settings), { code: 'repository/damaged' });
    assert.equal((await archive.collection()).remote.length, count);
  });
});
