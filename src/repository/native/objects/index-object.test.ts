import assert from 'node:assert/strict';
import { test } from 'node:test';

import { toHex } from '../../../base/bytes.ts';
import { systemRandom } from '../../../base/random.ts';
import { deriveKeyRing, ownerSigner } from '../keys/key-ring.ts';
import {
  decodeIndexObject,
  encodeIndexObject,
  maximumIndexObject,
  splitIndex,
  type IndexedPack,
} from './index-object.ts';

const ring = deriveKeyRing(systemRandom(32), systemRandom(16));
const signing = { keys: ring, signer: ownerSigner(ring), random: systemRandom };

function packs(count: number, tableSize: number): IndexedPack[] {
  const table = new Uint8Array(tableSize);
  return Array.from({ length: count }, () => ({ name: systemRandom(32), size: 1, table }));
}

test('an index is divided into objects that each fit, and nothing is lost', () => {
  const all = packs(300, 100_000);
  const supersedes = [toHex(systemRandom(32))];
  const lists = splitIndex({ packs: all, supersedes });
  assert.ok(lists.length >= 4 && lists.length <= 8, String(lists.length));
  assert.deepEqual(
    lists.flatMap((list) => list.packs),
    all,
  );
  assert.deepEqual(
    lists.map((list) => list.supersedes.length),
    [...lists.slice(1).map(() => 0), 1],
  );
  for (const list of lists) {
    const { name, bytes } = encodeIndexObject(list, signing);
    assert.ok(bytes.length <= maximumIndexObject);
    const decoded = decodeIndexObject(name, bytes, {
      keys: ring,
      findSigner: (id) => ({
        id,
        publicKey: ring.ownerPublic,
        role: 'owner',
        state: 'active',
        revokedAfter: undefined,
      }),
    });
    assert.equal(decoded.value.packs.length, list.packs.length);
  }
});

test('an empty index is no object, a mere replacement is one', () => {
  assert.deepEqual(splitIndex({ packs: [], supersedes: [] }), []);
  const supersedes = [toHex(systemRandom(32))];
  assert.deepEqual(splitIndex({ packs: [], supersedes }), [{ packs: [], supersedes }]);
});

test('an object that would be too large is not made', () => {
  const index = { packs: packs(1, maximumIndexObject), supersedes: [] };
  assert.throws(() => encodeIndexObject(index, signing), RangeError);
});
