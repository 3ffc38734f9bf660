import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { eachDamage } from '#test/support/each-damage.ts';
import { plainEntry } from '#test/support/sample-entry.ts';

import { compareBytes } from '../../../base/bytes.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import { isValidName } from '../../../model/entry.ts';
import { encodeReference } from './content-list.ts';
import {
  decodeEntry,
  decodeTree,
  encodeEntry,
  encodeTree,
  treeReferenceIn,
  type TreeEntry,
} from './tree.ts';

const names = fc.uint8Array({ minLength: 1, maxLength: 40 }).filter(isValidName);
const references = fc.record({
  depth: fc.integer({ min: 0, max: 4 }),
  list: fc.uint8Array({ maxLength: 80 }),
});
const texts = fc.option(fc.string({ unit: 'binary', maxLength: 10 }), { nil: undefined });
const words = fc.oneof(fc.constantFrom(0, 1, 0xffffffff), fc.nat());
const anySeconds = fc.oneof(
  fc.integer(),
  fc.constantFrom(0, -1, -(2 ** 31) - 1, 2 ** 33, 2 ** 52 - 1, -(2 ** 52) + 1),
);

const common = {
  name: names,
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: words,
  gid: words,
  user: texts,
  group: texts,
  mtime: fc.record({ seconds: anySeconds, nanoseconds: fc.integer({ min: 0, max: 999_999_999 }) }),
  xattrs: fc
    .uniqueArray(
      fc.record({ name: fc.uint8Array({ maxLength: 9 }), value: fc.uint8Array({ maxLength: 20 }) }),
      { maxLength: 3, selector: ({ name }) => Buffer.from(name).toString('hex') },
    )
    .map((all) => all.toSorted((left, right) => compareBytes(left.name, right.name))),
  fileFlags: fc.constantFrom(0, 0x10, 0x70),
  deviceMajor: fc.constant(0),
  deviceMinor: fc.constant(0),
  size: fc.constant(0),
  torn: fc.constant(false),
  linkTarget: fc.constant(undefined),
  content: fc.constant(undefined),
  tree: fc.constant(undefined),
  hardLink: fc.option(fc.uint8Array({ minLength: 8, maxLength: 8 }), { nil: undefined }),
};

const entries: fc.Arbitrary<TreeEntry> = fc
  .oneof(
    fc.record({
      ...common,
      type: fc.constant('file' as const),
      size: fc.oneof(fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER)),
      content: fc.option(references, { nil: undefined }),
      torn: fc.boolean(),
    }),
    fc.record({
      ...common,
      type: fc.constant('directory' as const),
      tree: references,
      hardLink: fc.constant(undefined),
    }),
    fc.record({
      ...common,
      type: fc.constant('symlink' as const),
      linkTarget: fc.uint8Array({ maxLength: 30 }),
    }),
    fc.record({ ...common, type: fc.constantFrom('fifo' as const, 'socket' as const) }),
    fc.record({
      ...common,
      type: fc.constantFrom('character-device' as const, 'block-device' as const),
      deviceMajor: words,
      deviceMinor: words,
    }),
  )
  .map((entry) => ({ ...entry, links: entry.hardLink === undefined ? 1 : 2 }));

const directories = fc
  .uniqueArray(entries, { maxLength: 8, selector: ({ name }) => Buffer.from(name).toString('hex') })
  .map((all) => all.toSorted((left, right) => compareBytes(left.name, right.name)));

/** Views of buffers and arrays of their own compare alike. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
}

function encode(all: readonly TreeEntry[]): Uint8Array {
  return encodeTree(all.map(encodeEntry)).take();
}

const example: TreeEntry = {
  ...plainEntry,
  name: Buffer.from('a'),
  mtime: { seconds: 0, nanoseconds: 0 },
  content: undefined,
  tree: undefined,
  hardLink: undefined,
  torn: false,
};

describe('trees', () => {
  test('entries come back as they were, and the same entry gives the same bytes', () => {
    fc.assert(
      fc.property(directories, (all) => {
        const bytes = encode(all);
        assert.deepEqual(plain(decodeTree(bytes)), plain(all));
        assert.deepEqual(encode(decodeTree(bytes)), bytes);
      }),
      { numRuns: 300 },
    );
  });

  test('an empty directory is one byte', () => {
    assert.deepEqual(encode([]), Uint8Array.of(1));
    assert.deepEqual(decodeTree(Uint8Array.of(1)), []);
  });

  test('every damage gives a directory that is possible, or is refused', () => {
    fc.assert(
      fc.property(directories, (all) => {
        eachDamage(encode(all), decodeTree, (read) => {
          for (const [index, entry] of read.entries()) {
            assert.ok(isValidName(entry.name));
            assert.ok(index === 0 || compareBytes(read[index - 1]!.name, entry.name) < 0);
            assert.ok((entry.tree !== undefined) === (entry.type === 'directory'));
          }
          assert.deepEqual(encode(decodeTree(encode(read))), encode(read));
        });
      }),
      { numRuns: 6 },
    );
  });

  test('times beyond what can be stored become the farthest that can', () => {
    for (const [seconds, stored] of [
      [2 ** 63, 2 ** 52 - 1],
      [2 ** 52, 2 ** 52 - 1],
      [-(2 ** 63), -(2 ** 52) + 1],
      [-(2 ** 31), -(2 ** 31)],
    ] as const) {
      const far = { ...example, mtime: { seconds, nanoseconds: 1 } };
      assert.equal(decodeEntry(encodeEntry(far)).mtime.seconds, stored);
    }
  });

  test('no bytes at all make anything but a directory or a refusal', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        eachDamage(Uint8Array.of(1, ...bytes), decodeTree);
      }),
      { numRuns: 100 },
    );
  });

  test('names that lead elsewhere, order and doubles are refused', () => {
    for (const name of ['', '.', '..', 'a/b', '/', 'a\0b']) {
      const bytes = encode([{ ...example, name: Buffer.from(name) }]);
      assert.throws(() => decodeTree(bytes), MalformedError, JSON.stringify(name));
    }
    const named = (name: string): TreeEntry => ({ ...example, name: Buffer.from(name) });
    assert.throws(() => decodeTree(encode([named('b'), named('a')])), MalformedError);
    assert.throws(() => decodeTree(encode([named('a'), named('a')])), MalformedError);
    assert.equal(decodeTree(encode([named('a'), named('a\x01'), named('b')])).length, 3);
  });

  test('metadata that no file system has is refused', () => {
    const refused: Partial<TreeEntry>[] = [
      { mode: 0o10000 },
      { uid: 2 ** 32 },
      { gid: 2 ** 32 },
      { mtime: { seconds: 0, nanoseconds: 1_000_000_000 } },
      { hardLink: new Uint8Array(7) },
      { type: 'directory' },
      { type: 'symlink' },
      { linkTarget: new Uint8Array(1) },
      { tree: { depth: 0, list: new Uint8Array(0) } },
    ];
    for (const change of refused) {
      const bytes = encodeEntry({ ...example, ...change });
      assert.throws(() => decodeEntry(bytes), MalformedError, JSON.stringify(change));
    }
  });

  test('an extended attribute with something after it is refused', () => {
    const bytes = encodeEntry({
      ...example,
      xattrs: [{ name: Buffer.from('n'), value: Buffer.from('v') }],
    });
    // The field is `9 ‖ length 4 ‖ 1 n 1 v`: one byte more in it, and one more in all.
    const longer = new ByteWriter().raw(bytes).u8(0).take();
    longer[bytes.length - 5] = 5;
    assert.throws(() => decodeEntry(longer), MalformedError);
  });

  test('later fields are ignored if they may be, and refuse the entry if they may not', () => {
    const bytes = encodeEntry(example);
    const known = decodeEntry(new ByteWriter().raw(bytes).u8(0x7f).bytes(Buffer.from('x')).take());
    assert.deepEqual(plain(known), plain(example));
    const mandatory = new ByteWriter().raw(bytes).u8(0x80).bytes(Buffer.from('x')).take();
    assert.throws(() => decodeEntry(mandatory), MalformedError);
  });
});

test('the reference to a tree is found in an encoded entry without the rest', () => {
  fc.assert(
    fc.property(entries, (entry) => {
      const expected = entry.tree === undefined ? '' : plain(encodeReference(entry.tree));
      assert.equal(plain(treeReferenceIn(encodeEntry(entry))), expected);
    }),
  );
});
