import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { encodePaxRecords } from './pax-records.ts';
import { MAX_PAX_LENGTH } from './tar-entry.ts';
import type { TarEntry } from './tar-entry.ts';
import { encodeTarHeader, tarPadding } from './tar-header.ts';
import { TarReader } from './tar-reader.ts';

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

const plainEntry: TarEntry = {
  name: bytes('snapshot/a'),
  type: 'file',
  mode: 0o644,
  uid: 1000,
  gid: 100,
  user: 'me',
  group: 'us',
  mtime: 1_700_000_000,
  size: 0,
  linkName: bytes(''),
  deviceMajor: 0,
  deviceMinor: 0,
  records: new Map(),
};

/** A header with other bytes in its fields, and the sum that belongs to them. */
function header(
  changes: Readonly<Record<number, string>>,
  entry: TarEntry = plainEntry,
): Uint8Array {
  const block = encodeTarHeader(entry);
  for (const [at, text] of Object.entries(changes)) block.set(bytes(text), Number(at));
  let sum = 256;
  for (const [at, byte] of block.entries()) if (at < 148 || at >= 156) sum += byte;
  block.set(bytes(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
  return block;
}

/** An entry with its content. */
function member(entry: TarEntry, content: Uint8Array): Uint8Array {
  const head = encodeTarHeader({ ...entry, size: content.length });
  return Buffer.concat([head, content, tarPadding(content.length)]);
}

/** A header before another one, such as those of pax and GNU. */
function before(typeFlag: string, body: Uint8Array): Uint8Array {
  const head = header({ 156: typeFlag }, { ...plainEntry, size: body.length });
  return Buffer.concat([head, body, tarPadding(body.length)]);
}

async function* inPieces(archive: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < archive.length; at += length) yield archive.subarray(at, at + length);
}

async function contents(
  archive: Uint8Array,
  pieceLength = 1_000_000,
): Promise<{ entry: TarEntry; content: Buffer }[]> {
  const reader = new TarReader(inPieces(archive, pieceLength));
  const found: { entry: TarEntry; content: Buffer }[] = [];
  for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
    const pieces: Uint8Array[] = [];
    for (let piece = await reader.read(); piece !== undefined; piece = await reader.read())
      pieces.push(piece);
    found.push({ entry, content: Buffer.concat(pieces) });
  }
  await reader.close();
  return found;
}

async function onlyEntry(...parts: readonly Uint8Array[]): Promise<TarEntry> {
  const found = await contents(Buffer.concat(parts), 700);
  assert.equal(found.length, 1);
  return found[0]!.entry;
}

const damaged = { name: 'AppError', code: 'repository/damaged' };

const nameArbitrary = fc
  .uint8Array({ minLength: 1, maxLength: 300 })
  .map((name) => name.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte)));

const entryArbitrary: fc.Arbitrary<TarEntry> = fc
  .record({
    name: nameArbitrary,
    type: fc.constantFrom(
      'file',
      'directory',
      'symlink',
      'hard-link',
      'fifo',
      'character-device',
      'block-device',
    ),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
    gid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
    user: fc.option(
      fc
        .string({ minLength: 1, maxLength: 40, unit: 'grapheme' })
        .filter((text) => !text.includes('\0')),
      { nil: undefined },
    ),
    group: fc.option(
      fc.string({ minLength: 1, maxLength: 40 }).filter((text) => !text.includes('\0')),
      { nil: undefined },
    ),
    mtime: fc.oneof(fc.integer({ min: 0, max: 2 ** 31 }), fc.integer({ min: 0, max: 2 ** 40 })),
    device: fc.tuple(fc.nat(4095), fc.nat(1_048_575)),
    linkName: nameArbitrary,
    records: fc.dictionary(
      fc
        .string({ minLength: 1, maxLength: 12 })
        .filter((key) => !key.includes('='))
        .map((key) => `SCHILY.xattr.user.${key}`),
      fc.uint8Array({ maxLength: 2000 }),
      { maxKeys: 4 },
    ),
  })
  .map(({ device, records, ...entry }) => {
    const isLink = entry.type === 'symlink' || entry.type === 'hard-link';
    const isDevice = entry.type.endsWith('device');
    return {
      ...entry,
      name: entry.type === 'directory' ? new Uint8Array([...entry.name, 0x2f]) : entry.name,
      linkName: isLink ? entry.linkName : bytes(''),
      size: 0,
      deviceMajor: isDevice ? device[0] : 0,
      deviceMinor: isDevice ? device[1] : 0,
      records: new Map(Object.entries(records)),
    };
  });

describe('tar reader', () => {
  test('reads what was written, in pieces of any length', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(entryArbitrary, fc.uint8Array({ maxLength: 2000 })), { maxLength: 5 }),
        fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.constant(1_000_000)),
        fc.nat(3),
        async (members, pieceLength, zeroBlocks) => {
          const wanted = members.map(([entry, content]) => {
            const own = entry.type === 'file' ? content : bytes('');
            return { entry: { ...entry, size: own.length }, content: Buffer.from(own) };
          });
          const archive = Buffer.concat([
            ...wanted.map(({ entry, content }) => member(entry, content)),
            new Uint8Array(zeroBlocks * 512),
          ]);
          assert.deepEqual(await contents(archive, pieceLength), wanted);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('passes over content that nobody reads', async () => {
    const archive = Buffer.concat([
      member(plainEntry, Buffer.alloc(100_001, 1)),
      member({ ...plainEntry, name: bytes('b') }, bytes('xyz')),
    ]);
    for (const length of [1000, 512, 1_000_000]) {
      const reader = new TarReader(inPieces(archive, length));
      await reader.next();
      assert.ok(((await reader.read())?.length ?? 0) > 0);
      assert.deepEqual((await reader.next())?.name, bytes('b'));
      assert.equal(await reader.next(), undefined);
      assert.equal(await reader.next(), undefined);
    }
  });

  test('ends at the first block of zeros, whatever follows; the input is read to its end', async () => {
    let isRead = false;
    async function* input(): AsyncGenerator<Uint8Array> {
      yield member(plainEntry, bytes('abc'));
      yield new Uint8Array(512);
      yield Buffer.alloc(777, 0xee);
      isRead = true;
    }
    const reader = new TarReader(input());
    assert.ok((await reader.next()) !== undefined);
    assert.equal(await reader.next(), undefined);
    assert.ok(isRead);
  });

  test('what the input finds out behind the end is not lost', async () => {
    async function* input(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1024);
      throw new Error('The sum is wrong');
    }
    await assert.rejects(async () => new TarReader(input()).next(), /The sum is wrong/u);
  });

  test('closed early, it lets go of the input', async () => {
    let isClosed = false;
    async function* input(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield member(plainEntry, bytes('abc'));
      } finally {
        isClosed = true;
      }
    }
    const reader = new TarReader(input());
    await reader.next();
    await reader.close();
    assert.ok(isClosed);
    assert.equal(await reader.next(), undefined);
  });

  test('an end within anything is damage', async () => {
    const long = { ...plainEntry, name: bytes('n'.repeat(200)) };
    const archive = member(long, Buffer.alloc(700, 1));
    for (let length = 1; length < archive.length; length += 1) {
      await assert.rejects(contents(archive.subarray(0, length)), damaged, `${length}`);
    }
    const announced = before('x', bytes('11 comment=\n'.replace('11', '12')));
    await assert.rejects(contents(Buffer.concat([announced, new Uint8Array(1024)])), damaged);
  });

  test('a wrong sum is damage, a sum of signed bytes is not', async () => {
    const block = encodeTarHeader(plainEntry);
    for (const at of [0, 100, 150, 156, 300, 511]) {
      const wrong = block.slice();
      wrong[at] = wrong[at]! ^ 1;
      await assert.rejects(contents(wrong), damaged, `${at}`);
    }
    const signed = header({ 0: 'snapshot/\xe9\xe9' });
    const sum = Number.parseInt(Buffer.from(signed.subarray(148, 154)).toString(), 8) - 512;
    signed.set(bytes(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
    assert.deepEqual((await onlyEntry(signed)).name, bytes('snapshot/\xe9\xe9'));
  });

  test('numbers in base 256, padded with blanks, and none at all', async () => {
    const entry = await onlyEntry(
      header({
        100: '   644 \0',
        108: '\x80\0\0\0\xff\xff\xff\xfe',
        116: '\0\0\0\0\0\0\0\0',
        136: '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xf6',
      }),
    );
    assert.deepEqual([entry.mode, entry.uid, entry.gid, entry.mtime], [0o644, 2 ** 32 - 2, 0, -10]);
    const reader = new TarReader(inPieces(header({ 124: '\x80\0\0\0\0\0\0\x03\0\0\0\0' }), 512));
    assert.equal((await reader.next())?.size, 3 * 2 ** 32);
    await assert.rejects(async () => reader.next(), damaged);
    for (const size of ['0000000008x\0', '\xff'.repeat(12), `\x80${'\xff'.repeat(11)}`]) {
      await assert.rejects(contents(header({ 124: size })), damaged, size);
    }
  });

  test('the prefix of ustar, and the dialects before it', async () => {
    assert.deepEqual(
      (await onlyEntry(header({ 0: 'name\0', 345: 'the/prefix' }))).name,
      bytes('the/prefix/name'),
    );
    const gnu = await onlyEntry(header({ 0: 'name\0', 257: 'ustar  \0', 345: '00000000001' }));
    assert.deepEqual(gnu.name, bytes('name'));
    const old = await onlyEntry(header({ 0: 'name/\0', 156: '\0', 257: '\0'.repeat(8) }));
    assert.equal(old.type, 'directory');
    assert.equal((await onlyEntry(header({ 156: '\0' }))).type, 'file');
    assert.equal((await onlyEntry(header({ 156: 'V' }))).type, 'unknown');
  });

  test('long names of GNU', async () => {
    const long = 'x'.repeat(3000);
    const entry = await onlyEntry(
      before('K', bytes(`${long}y\0`)),
      before('L', bytes(`${long}\0`)),
      header({}, { ...plainEntry, type: 'symlink' }),
    );
    assert.deepEqual([entry.name, entry.linkName], [bytes(long), bytes(`${long}y`)]);
    await assert.rejects(contents(before('L', Buffer.alloc(2 ** 20 + 1, 1))), damaged);
  });

  test('records of pax: fields, others, global ones', async () => {
    const records = (given: Record<string, string>): Uint8Array =>
      encodePaxRecords(Object.entries(given).map(([key, value]) => [key, bytes(value)]));
    const archive = Buffer.concat([
      before('g', records({ comment: 'all', gid: '7', uid: '8' })),
      before(
        'x',
        records({
          mtime: '1690000000.75',
          uid: '9',
          path: 'p\xff',
          size: '3',
          'SCHILY.xattr.user.a': '\0=\n',
        }),
      ),
      member(plainEntry, bytes('')),
      bytes('abc'),
      tarPadding(3),
      member(plainEntry, bytes('abcd')),
    ]);
    const [first, second] = await contents(archive, 100);
    assert.deepEqual(first?.content, Buffer.from('abc'));
    assert.deepEqual(first.entry, {
      ...plainEntry,
      name: bytes('p\xff'),
      mtime: 1_690_000_000,
      uid: 9,
      gid: 7,
      size: 3,
      records: new Map([
        ['comment', bytes('all')],
        ['SCHILY.xattr.user.a', bytes('\0=\n')],
      ]),
    });
    assert.deepEqual(second?.entry.records, new Map([['comment', bytes('all')]]));
    assert.deepEqual([second.entry.uid, second.entry.gid, second.entry.size], [8, 7, 4]);
  });

  test('records that cannot be right', async () => {
    const bodies = [
      '5 a=b\n',
      '6 a=bx',
      '99 a=b\n',
      'x a=b\n',
      '6 =bc\n',
      '0 a=b\n',
      '6 a=b\n\0',
      '5 abc\n',
      '-6 a=b\n',
    ];
    for (const body of bodies) {
      await assert.rejects(
        contents(Buffer.concat([before('x', bytes(body)), header({})])),
        damaged,
        body,
      );
    }
    for (const record of [
      '10 size=-1\n',
      '9 uid=0x\n',
      '26 size=9999999999999999\n'.replace('26', '25'),
    ]) {
      await assert.rejects(
        contents(Buffer.concat([before('x', bytes(record)), header({})])),
        damaged,
        record,
      );
    }
    const claimed = header({ 156: 'x' }, { ...plainEntry, size: MAX_PAX_LENGTH + 1 });
    await assert.rejects(contents(claimed), damaged);
  });

  test('sparse files are refused', async () => {
    const unsupported = { code: 'repository/unsupported' };
    await assert.rejects(contents(header({ 156: 'S' })), unsupported);
    const record = encodePaxRecords([['GNU.sparse.major', bytes('1')]]);
    await assert.rejects(contents(Buffer.concat([before('x', record), header({})])), unsupported);
  });

  test('many small entries, several in a piece and across pieces', async () => {
    const one = member(plainEntry, Buffer.alloc(500, 7));
    const block = Buffer.concat(Array.from({ length: 100 }, () => one)).subarray(0, -200);
    const rest = one.subarray(-200);
    async function* input(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 100; i += 1) yield* [block, rest];
    }
    const reader = new TarReader(input());
    let count = 0;
    for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
      let length = 0;
      for (let piece = await reader.read(); piece !== undefined; piece = await reader.read())
        length += piece.length;
      assert.equal(length, 500);
      count++;
    }
    assert.equal(count, 10_000);
  });
});
