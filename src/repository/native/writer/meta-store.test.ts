import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { openPack, packContext, packerOf, ring } from '#test/support/pack-fixture.ts';
import { SeededRandom } from '#test/support/seeded-random.ts';

import { toHex } from '../../../base/bytes.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import {
  defaultChunkerParameters,
  type ChunkerParameters,
} from '../../../codec/chunker/parameters.ts';
import { blobType } from '../content/blob-id.ts';
import {
  inlineList,
  maximumBlob,
  readContentList,
  writeContentItem,
  type ContentReference,
} from '../content/content-list.ts';
import { requireKey } from '../keys/key-ring.ts';
import { MetaStore, type StoredReference } from './meta-store.ts';

const MIB = 1024 * 1024;
/** The smallest that a repository may have: lists get deep soon. */
const small: ChunkerParameters = {
  minimum: 64 * 1024,
  normal: 65 * 1024,
  maximum: 66 * 1024,
  strictBits: 20,
  looseBits: 16,
};

interface Scene {
  readonly store: MetaStore;
  /** Ends the packs and gives every blob: id → type and bytes. */
  blobs(): Map<string, { readonly type: number; readonly raw: Uint8Array }>;
}

function scene(parameters: ChunkerParameters): Scene {
  const { packer, packs } = packerOf('meta', packContext({ target: 16 * MIB }));
  const store = new MetaStore(packer, parameters, requireKey(ring, 'chunkKey'));
  return {
    store,
    blobs() {
      packer.flush();
      return new Map(
        packs.flatMap(({ bytes }) =>
          openPack(bytes, 'meta').map(({ id, type, raw }) => [id, { type, raw }] as const),
        ),
      );
    },
  };
}

/** The list of depth 0 behind a reference, and every id on the way. */
function resolve(
  { depth, list }: ContentReference,
  blobs: ReturnType<Scene['blobs']>,
  seen: Set<string>,
): Uint8Array {
  let current = list;
  for (let level = depth; level > 0; level--) {
    assert.ok(current.length > 0);
    current = Buffer.concat(
      readContentList(current).map(({ id, length }) => {
        seen.add(toHex(id!));
        const blob = blobs.get(toHex(id!));
        assert.equal(blob?.type, blobType.list);
        assert.equal(blob.raw.length, length);
        return blob.raw;
      }),
    );
  }
  for (const { id } of readContentList(current)) if (id !== undefined) seen.add(toHex(id));
  return current;
}

function idsIn(stored: StoredReference): Set<string> {
  assert.equal(stored.ids.length % 32, 0);
  const ids = new Set<string>();
  for (let at = 0; at < stored.ids.length; at += 32) {
    ids.add(toHex(stored.ids.subarray(at, at + 32)));
  }
  return ids;
}

function listOf(count: number, random: SeededRandom, holes: boolean): Uint8Array {
  const out = new ByteWriter();
  for (let index = 0; index < count; index++) {
    if (holes && index % 3 === 1) writeContentItem(out, 1 + random.below(2 ** 40), undefined);
    else writeContentItem(out, 1 + random.below(maximumBlob), random.bytes(32));
  }
  return out.take();
}

describe('meta store', () => {
  test('lists come back, and their ids are all told, at every length', () => {
    const counts = fc.oneof(fc.nat(120), fc.constantFrom(55, 56, 57, 58, 59, 4000, 20_000));
    fc.assert(
      fc.property(counts, fc.nat(1000), fc.boolean(), (count, seed, holes) => {
        const list = listOf(count, new SeededRandom(seed), holes);
        const { store, blobs } = scene(small);
        const stored = store.storeList(list);
        assert.ok(stored.reference.list.length <= inlineList);
        assert.equal(stored.reference.depth > 0, list.length > inlineList);
        const seen = new Set<string>();
        const found = resolve(stored.reference, blobs(), seen);
        assert.ok(Buffer.from(found).equals(list));
        assert.deepEqual([...idsIn(stored)].toSorted(), [...seen].toSorted());
      }),
      { numRuns: 40 },
    );
  });

  test('a list of a huge file is two levels deep', () => {
    const list = listOf(250_000, new SeededRandom(7), true);
    const { store, blobs } = scene(small);
    const stored = store.storeList(list);
    assert.equal(stored.reference.depth, 2);
    const seen = new Set<string>();
    assert.ok(Buffer.from(resolve(stored.reference, blobs(), seen)).equals(list));
    assert.ok(idsIn(stored).symmetricDifference(seen).size === 0);
  });

  for (const [title, parameters] of [
    ['default', defaultChunkerParameters],
    ['small', small],
  ] as const) {
    test(`directories of all sizes come back (${title} chunks)`, () => {
      const random = new SeededRandom(8);
      for (const size of [1, 1000, maximumBlob - 1, maximumBlob, maximumBlob + 1, 9 * MIB + 77]) {
        const tree = random.bytes(size);
        const { store, blobs } = scene(parameters);
        const stored = store.storeTree(tree);
        const found = blobs();
        const seen = new Set<string>();
        const list = readContentList(resolve(stored.reference, found, seen));
        assert.equal(list.length === 1, size <= maximumBlob);
        const whole = Buffer.concat(
          list.map(({ id, length }) => {
            const blob = found.get(toHex(id!));
            assert.equal(blob?.type, blobType.tree);
            assert.equal(blob.raw.length, length);
            return blob.raw;
          }),
        );
        assert.ok(whole.equals(tree), `${size}`);
        assert.deepEqual([...idsIn(stored)].toSorted(), [...seen].toSorted());
      }
    });
  }

  test('a change in a huge directory stores little', () => {
    const tree = Buffer.from(new SeededRandom(9).bytes(12 * MIB));
    const { packer } = packerOf('meta', packContext({ target: 16 * MIB }));
    const store = new MetaStore(packer, defaultChunkerParameters, requireKey(ring, 'chunkKey'));
    store.storeTree(tree);
    const before = packer.rawAdded;
    tree[6 * MIB] = tree[6 * MIB]! ^ 1;
    store.storeTree(tree);
    assert.ok(packer.rawAdded - before <= 2 * maximumBlob, `${packer.rawAdded - before}`);
    const again = packer.rawAdded;
    store.storeTree(tree);
    assert.equal(packer.rawAdded, again);
  });
});
