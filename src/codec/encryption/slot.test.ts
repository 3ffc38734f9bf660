import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemRandom } from '../../base/random.ts';
import { MalformedError } from '../binary/byte-reader.ts';
import { createSlot, openSlot, slotSize } from './slot.ts';
import { keyPairFromSeed } from './x-wing.ts';

const pair = keyPairFromSeed(systemRandom(32));
const repository = systemRandom(16);

test('the private key finds the key in the slot', () => {
  const { slot, key } = createSlot(pair.publicKey, 'data', repository, systemRandom);
  assert.equal(slot.length, slotSize);
  assert.equal(key.length, 32);
  assert.deepEqual(openSlot(pair.secret, slot, 'data', repository), key);
});

test('a slot is bound to its kind, repository and recipient', () => {
  const { slot } = createSlot(pair.publicKey, 'data', repository, systemRandom);
  const other = keyPairFromSeed(systemRandom(32));
  assert.throws(() => openSlot(pair.secret, slot, 'meta', repository), MalformedError);
  assert.throws(() => openSlot(pair.secret, slot, 'data', systemRandom(16)), MalformedError);
  assert.throws(() => openSlot(other.secret, slot, 'data', repository), MalformedError);
  assert.throws(
    () => openSlot(pair.secret, slot.subarray(0, -1), 'data', repository),
    MalformedError,
  );
});

test('a changed bit in salt, ciphertext or commitment is refused', () => {
  const { slot } = createSlot(pair.publicKey, 'final', repository, systemRandom);
  for (let position = 0; position < slot.length; position += 3) {
    const changed = Uint8Array.from(slot);
    changed[position] = (changed[position] ?? 0) ^ 0x10;
    assert.throws(() => openSlot(pair.secret, changed, 'final', repository), MalformedError);
  }
});
