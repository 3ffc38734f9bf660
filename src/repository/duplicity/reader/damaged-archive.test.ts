import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import {
  fixtureStorage,
  fixtureTimes,
  openArchive,
  pathText,
  plainProtection,
  setsAt,
  symmetricProtection,
} from '#test/support/duplicity-fixture.ts';
import {
  type HandmadeEntry,
  type HandmadeSet,
  putHandmadeSet,
  rootEntry,
} from '#test/support/handmade-archive.ts';
import { recording } from '#test/support/recording-storage.ts';
import { openHandles } from '#test/support/scratch-directory.ts';
import { concatBytes, utf8 } from '../../../base/bytes.ts';
import { hasCode } from '../../../base/errors.ts';
import { DeltaEncoder } from '../../../codec/rsync/delta.ts';
import { Signature, SignatureBuilder } from '../../../codec/rsync/signature.ts';
import { MemoryStorage } from '../../../storage/drivers/memory/memory.ts';
import type { Storage } from '../../../storage/storage.ts';
import { ArchiveReader, type EntriesOptions } from './archive-reader.ts';

interface Outcome {
  /** Contents by path, as text; `undefined` for what has none, a text in "!" for what could not be read. */
  readonly entries: Readonly<Record<string, string | undefined>>;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  /** What ended the reading. */
  readonly failure: unknown;
}

async function readAll(
  storage: Storage,
  options: Partial<EntriesOptions> & { readonly time?: number } = {},
  protection = plainProtection,
): Promise<Outcome> {
  await using archive = await openArchive(storage, protection);
  const entries: Record<string, string | undefined> = {};
  const errors: string[] = [];
  const warnings: string[] = [];
  let failure: unknown;
  try {
    for await (const { path, entry, content } of new ArchiveReader(archive).entries(
      await setsAt(archive, options.time),
      {
        onProblem: ({ severity, error }) =>
          (severity === 'error' ? errors : warnings).push(error.message),
        ...options,
      },
    )) {
      const name = pathText(path);
      entries[name] = undefined;
      if (entry.type !== 'file') continue;
      try {
        entries[name] = Buffer.concat(await Array.fromAsync(content())).toString();
      } catch (error) {
        entries[name] = `!${(error as Error).message}`;
        if (!hasCode(error, 'repository/damaged')) throw error;
      }
    }
  } catch (error) {
    failure = error;
  }
  return { entries, errors, warnings, failure };
}

function deltaOf(older: string, newer: string): Uint8Array {
  const signature = new SignatureBuilder({ blockLength: 4 });
  signature.update(utf8(older));
  const pieces: Uint8Array[] = [];
  const encoder = new DeltaEncoder(Signature.parse(signature.finish()), (piece) =>
    pieces.push(piece.slice()),
  );
  encoder.update(utf8(newer));
  encoder.finish();
  return concatBytes(...pieces);
}

const [t0, t1, t2] = fixtureTimes;

async function handmade(...sets: readonly HandmadeSet[]): Promise<MemoryStorage> {
  const storage = new MemoryStorage();
  for (const set of sets) await putHandmadeSet(storage, set);
  return storage;
}

function fullOf(...volumes: readonly (readonly HandmadeEntry[])[]): HandmadeSet {
  const [first = [], ...rest] = volumes;
  return { end: t0, volumes: [[rootEntry, ...first], ...rest] };
}

async function change(
  storage: Storage,
  name: string,
  how: (bytes: Uint8Array) => Uint8Array,
): Promise<void> {
  await storage.put(name, how(await storage.read(name)));
}

describe('an archive that is damaged', () => {
  it('is not used where a bit of a volume is flipped, whichever it is', async () => {
    const pristine = await fixtureStorage('names-short');
    const name = 'di.s44we8.s46r28.1.dt.z';
    const whole = await pristine.read(name);
    const handles = openHandles();
    for (let at = 0; at < whole.length; at += Math.max(1, Math.floor(whole.length / 80))) {
      const storage = await fixtureStorage('names-short');
      await change(storage, name, (bytes) => bytes.with(at, bytes[at]! ^ (1 << (at % 8))));
      const { entries, failure } = await readAll(storage);
      assert.ok(hasCode(failure, 'repository/damaged'), `byte ${at}`);
      assert.deepEqual(entries, {});
    }
    assert.equal(openHandles(), handles);
  });

  it('is not used where a volume is cut or longer', async () => {
    for (const how of [
      (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1),
      (bytes: Uint8Array) => bytes.subarray(0, 0),
      (bytes: Uint8Array) => concatBytes(bytes, new Uint8Array(1)),
    ]) {
      const storage = await fixtureStorage('unencrypted');
      await change(storage, 'duplicity-full.20231114T221320Z.vol1.difftar.gz', how);
      const { entries, failure } = await readAll(storage);
      assert.ok(hasCode(failure, 'repository/damaged'));
      assert.deepEqual(entries, {});
    }
  });

  it('is not begun to be read when a volume is missing', async () => {
    const inner = await fixtureStorage('multivol');
    await inner.delete('duplicity-full.20231114T221320Z.vol2.difftar.gz');
    const storage = recording(inner);
    const { entries, failure } = await readAll(storage);
    assert.ok(hasCode(failure, 'repository/damaged'));
    assert.deepEqual(entries, {});
    assert.ok(!storage.calls.some(({ name }) => name.includes('difftar')));
    // What does not need it can be read.
    const { failure: none, entries: last } = await readAll(storage, { below: utf8('z-last.txt') });
    assert.equal(none, undefined);
    assert.deepEqual(last, { 'z-last.txt': 'last file\n' });
  });

  it('is not taken for a smaller one where its manifest is cut', async () => {
    const storage = await fixtureStorage('multivol');
    const name = 'duplicity-full.20231114T221320Z.manifest';
    const text = Buffer.from(await storage.read(name)).toString();
    for (const end of [text.indexOf('Volume 2'), text.indexOf('Volume 3')]) {
      await storage.put(name, utf8(text.slice(0, end)));
      const refused = await readAll(storage, { time: t0 });
      assert.ok(hasCode(refused.failure, 'repository/damaged'));
      assert.deepEqual(refused.entries, {});
      const { entries, errors } = await readAll(storage, {
        time: t0,
        ignoreErrors: true,
        namesLosses: true,
      });
      assert.ok(!Object.hasOwn(entries, 'z-last.txt'));
      assert.ok(errors.some((message) => message.includes('"z-last.txt" is lost')));
    }
  });

  it('gives what is in other volumes when told to ignore errors', async () => {
    const storage = await fixtureStorage('multivol');
    const name = 'duplicity-full.20231114T221320Z.vol2.difftar.gz';
    await change(storage, name, (bytes) => bytes.with(5000, bytes[5000]! ^ 1));
    const { entries, errors, failure } = await readAll(storage, { ignoreErrors: true, time: t0 });
    assert.equal(failure, undefined);
    assert.equal(entries['a-first.txt'], 'first file\n');
    assert.equal(entries['z-last.txt'], 'last file\n');
    // The one goes over the end of volume 1, the other over the beginning of volume 3.
    assert.match(entries['big.dat'] ?? '', /^!A part/u);
    assert.notEqual(errors.length, 0);
    assert.ok(errors.some((text) => text.includes(name)));
    assert.ok(!('just-under.bin' in entries));
    const mid = entries['sub/mid.dat'];
    assert.ok(mid === undefined || mid.startsWith('!'), 'a file without its beginning was given');
  });

  it('tells a wrong passphrase', async () => {
    for (const protection of [symmetricProtection('wrong'), plainProtection]) {
      const { failure } = await readAll(await fixtureStorage('symmetric'), {}, protection);
      assert.ok(hasCode(failure, 'repository/wrong-passphrase'));
    }
  });

  it('passes over sets that are not finished', async () => {
    const storage = await fixtureStorage('unencrypted');
    await storage.delete('duplicity-inc.20231115T221320Z.to.20231116T221320Z.manifest');
    const { entries, failure } = await readAll(storage);
    const { entries: before } = await readAll(await fixtureStorage('unencrypted'), { time: t1 });
    assert.equal(failure, undefined);
    assert.deepEqual(entries, before);
  });

  it('lists nothing of signatures that are damaged or missing', async () => {
    const name = 'duplicity-full-signatures.20231114T221320Z.sigtar.gz';
    for (const damage of [
      (storage: Storage) => change(storage, name, (bytes) => bytes.with(1000, bytes[1000]! ^ 1)),
      (storage: Storage) => change(storage, name, (bytes) => bytes.subarray(0, 2000)),
      (storage: Storage) => storage.delete(name),
    ]) {
      const storage = await fixtureStorage('unencrypted');
      await damage(storage);
      await using archive = await openArchive(storage);
      const listing = new ArchiveReader(archive).list(await setsAt(archive), {
        onProblem: () => undefined,
      });
      await assert.rejects(Array.fromAsync(listing), (error) =>
        hasCode(error, 'repository/damaged'),
      );
    }
  });
});

describe('a file that cannot be put together', () => {
  it('is left out when its base is missing', async () => {
    const storage = await handmade(fullOf([{ name: 'snapshot/other', content: 'o' }]), {
      start: t0,
      end: t1,
      volumes: [[{ name: 'diff/file', content: deltaOf('', 'new') }]],
    });
    const { entries, errors, failure } = await readAll(storage);
    assert.equal(failure, undefined);
    assert.deepEqual(entries, { '.': undefined, other: 'o' });
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? '', /"file"/u);
  });

  it('is left out when it was deleted before, is no file, or its delta is damaged', async () => {
    const delta = deltaOf('abcdefgh', 'abcdefghij');
    const storage = await handmade(
      fullOf([
        { name: 'snapshot/bad', content: 'abcdefgh' },
        { name: 'snapshot/deleted', content: 'abcdefgh' },
        { name: 'snapshot/directory/', type: 'directory' },
        { name: 'snapshot/good', content: 'abcdefgh' },
        { name: 'snapshot/reaching', content: 'abc' },
      ]),
      {
        start: t0,
        end: t1,
        volumes: [[{ name: 'deleted/deleted' }]],
      },
      {
        start: t1,
        end: t2,
        volumes: [
          [
            { name: 'diff/bad', content: delta.with(0, 0) },
            { name: 'diff/deleted', content: delta },
            { name: 'diff/directory', content: delta },
            { name: 'diff/good', content: delta },
            { name: 'diff/reaching', content: delta },
          ],
        ],
      },
    );
    const { entries, errors, failure } = await readAll(storage);
    assert.equal(failure, undefined);
    assert.equal(entries['good'], 'abcdefghij');
    assert.equal(errors.length, 3);
    // That its base is too short is seen when that is read.
    assert.match(entries['reaching'] ?? '', /^!/u);
    assert.deepEqual(Object.keys(entries).toSorted(), ['.', 'good', 'reaching'].toSorted());
  });

  it('is left out when a difference between others may be lost', async () => {
    const versions = ['0123456789', '0123456789 and more', '0123456789 and more and more'] as const;
    const sets: HandmadeSet[] = [
      fullOf([
        { name: 'snapshot/a', content: versions[0] },
        { name: 'snapshot/b', content: 'b' },
        { name: 'snapshot/c', content: versions[0] },
      ]),
      {
        start: t0,
        end: t1,
        volumes: [
          [{ name: 'diff/a', content: deltaOf(versions[0], versions[1]) }],
          [{ name: 'diff/c', content: deltaOf(versions[0], versions[1]) }],
        ],
      },
      {
        start: t1,
        end: t2,
        volumes: [
          [
            { name: 'diff/a', content: deltaOf(versions[0], versions[2]) },
            { name: 'diff/c', content: deltaOf(versions[1], versions[2]) },
          ],
        ],
      },
    ];
    const storage = await handmade(...sets);
    await storage.delete('duplicity-inc.20231114T221320Z.to.20231115T221320Z.vol1.difftar');
    const { entries, errors, failure } = await readAll(storage, { ignoreErrors: true });
    assert.equal(failure, undefined);
    assert.deepEqual(entries, { '.': undefined, b: 'b', c: versions[2] });
    assert.equal(errors.length, 2);
  });

  it('is left out when the manifest has no place for a part of it', async () => {
    const block = 'x'.repeat(65_536);
    const blocks = [1, 2, 3].map((number) => ({
      name: `multivol_snapshot/big/${number}`,
      content: number === 3 ? 'end' : block,
    }));
    const storage = await handmade(
      fullOf([blocks[0]!], [blocks[1]!], [blocks[2]!, { name: 'snapshot/z', content: 'z' }]),
    );
    const whole = await readAll(storage);
    assert.equal(whole.entries['big']?.length, 2 * 65_536 + 3);
    const manifest = 'duplicity-full.20231114T221320Z.manifest';
    await change(storage, manifest, (bytes) => {
      const text = Buffer.from(bytes).toString();
      return utf8(text.slice(0, text.indexOf('Volume 2')) + text.slice(text.indexOf('Volume 3')));
    });
    assert.ok(hasCode((await readAll(storage)).failure, 'repository/damaged'));
    const { entries, failure } = await readAll(storage, { ignoreErrors: true });
    assert.equal(failure, undefined);
    assert.match(entries['big'] ?? '!', /^!/u);
    assert.equal(entries['z'], 'z');
  });
});

describe('an archive in a wrong order', () => {
  it('gives everything once, and says so', async () => {
    const storage = await handmade({
      ...fullOf([
        { name: 'snapshot/c', content: 'c' },
        { name: 'snapshot/a', content: 'a' },
        { name: 'snapshot/d', content: 'd' },
        { name: 'snapshot/d', content: 'twice' },
      ]),
      ranges: [['', 'd']],
    });
    const { entries, errors, failure } = await readAll(storage);
    assert.equal(failure, undefined);
    assert.deepEqual(entries, { '.': undefined, c: 'c', a: 'a', d: 'd' });
    assert.equal(errors.length, 2);
  });

  it('does not give an old version of what newer sets may have changed', async () => {
    const storage = await handmade(
      {
        ...fullOf([
          { name: 'snapshot/c', content: 'c' },
          { name: 'snapshot/a', content: 'old' },
        ]),
        ranges: [['', 'c']],
      },
      { start: t0, end: t1, volumes: [[{ name: 'deleted/a' }]] },
    );
    const { entries, errors } = await readAll(storage);
    assert.deepEqual(entries, { '.': undefined, c: 'c' });
    assert.equal(errors.length, 2);
  });
});

describe('volumes of somebody who can forge their hashes', () => {
  it('give what can be read, or a clear error', async () => {
    const older = 'some text that is longer than a few blocks';
    const newer = 'some text that is changed in a few blocks';
    const sample = (coding: 'plain' | 'gzip', forge: (tar: Uint8Array) => Uint8Array) => [
      { ...fullOf([{ name: 'snapshot/file', content: older }]), coding },
      {
        start: t0,
        end: t1,
        coding,
        forge,
        volumes: [
          [
            { name: 'snapshot/a', content: 'a', records: new Map([['HOLDFAST.flags', utf8('1')]]) },
            { name: 'diff/file', content: deltaOf(older, newer) },
            { name: `snapshot/${'long'.repeat(40)}`, content: 'long' },
            { name: 'multivol_snapshot/m/1', content: 'm'.repeat(700) },
          ],
        ],
      },
    ];
    const handles = openHandles();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('plain', 'gzip'),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat()),
        async (coding, changes, cut) => {
          const forge = (tar: Uint8Array): Uint8Array => {
            const forged = tar.slice();
            for (const [at, value] of changes) forged[at % forged.length] = value;
            return cut === null ? forged : forged.subarray(0, cut % forged.length);
          };
          const storage = await handmade(...sample(coding, forge));
          for (const ignoreErrors of [false, true]) {
            const { failure, entries } = await readAll(storage, { ignoreErrors });
            if (failure !== undefined) {
              assert.ok(hasCode(failure, 'repository/damaged', 'repository/unsupported'));
            }
            for (const name of Object.keys(entries)) assert.ok(!name.includes('..'));
          }
        },
      ),
      { numRuns: 300 },
    );
    assert.equal(openHandles(), handles);
  });
});

describe('hundreds of incremental sets', () => {
  for (const coding of ['plain', 'gzip'] as const) {
    it(`are read in one pass with few open files, ${coding}`, async () => {
      const storage = new MemoryStorage();
      const count = 300;
      const versions = Array.from({ length: count + 1 }, (_, at) =>
        Array.from({ length: 40 }, (_line, line) => `line ${line} of ${at % (line + 1)}`).join(
          '\n',
        ),
      );
      await putHandmadeSet(storage, {
        ...fullOf([
          { name: 'snapshot/file', content: versions[0]! },
          { name: 'snapshot/z', content: 'z'.repeat(1000) },
        ]),
        coding,
      });
      for (let at = 1; at <= count; at++) {
        await putHandmadeSet(storage, {
          start: t0 + at - 1,
          end: t0 + at,
          coding,
          volumes: [
            [
              { name: 'diff/file', content: deltaOf(versions[at - 1]!, versions[at]!) },
              { name: `snapshot/new-${String(at).padStart(3, '0')}`, content: `new ${at}` },
            ],
          ],
        });
      }
      await using archive = await openArchive(storage);
      const handles = openHandles();
      let most = 0;
      let last = '';
      const names: string[] = [];
      for await (const { path, entry, content } of new ArchiveReader(archive).entries(
        await setsAt(archive),
        { onProblem: ({ error }) => assert.fail(error) },
      )) {
        most = Math.max(most, openHandles());
        names.push(pathText(path));
        if (entry.type !== 'file') continue;
        const bytes = Buffer.concat(await Array.fromAsync(content()));
        if (pathText(path) === 'file') last = bytes.toString();
      }
      assert.equal(last, versions.at(-1));
      assert.equal(names.length, count + 3);
      assert.ok(most <= handles + 3, `${most - handles} files are open`);
      assert.equal(openHandles(), handles);
    });
  }
});
