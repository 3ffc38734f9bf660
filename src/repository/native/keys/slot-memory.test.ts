import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemClock } from '../../../base/clock.ts';
import { systemRandom } from '../../../base/random.ts';
import { Secret } from '../../../base/secret.ts';
import { MemoryStorage } from '../../../storage/drivers/memory/memory.ts';
import { initialise, type FirstProtection } from './initialise.ts';
import { readKeySlots } from './key-slot.ts';
import { stretchingOf } from './passphrase-slot.ts';
import { unlock, type RememberedSlot, type SlotMemory } from './unlock.ts';

test('what opens a repository is remembered when it is made, and again when it changes', async () => {
  const storage = new MemoryStorage();
  const kept: RememberedSlot[] = [];
  const memory: SlotMemory = {
    get: async () => kept.at(-1),
    set: async (_, slot) => void kept.push(slot),
  };
  const passphrase = new Secret('secret');
  const protection: FirstProtection = {
    kind: 'passphrase',
    passphrase,
    cost: { memory: 19_456, passes: 1, lanes: 1 },
  };
  const options = { random: systemRandom, clock: systemClock, memory };
  const { slotId = '' } = await initialise(storage, protection, options);
  const [slot] = (await readKeySlots(storage)).slots;
  const first: RememberedSlot = { id: slotId, stretching: stretchingOf(slot!.bytes) };
  assert.deepEqual(kept.at(-1), first);
  await unlock(storage, { kind: 'passphrase', passphrase }, { memory });
  assert.equal(kept.length, 1, 'the same is not kept again');
  kept.push({ id: slotId, stretching: undefined });
  await unlock(storage, { kind: 'passphrase', passphrase }, { memory });
  assert.deepEqual(kept.at(-1), first, 'what an older program kept is completed');
  kept.push({ id: slotId, stretching: { ...first.stretching!, salt: systemRandom(32) } });
  await unlock(storage, { kind: 'passphrase', passphrase }, { memory });
  assert.deepEqual(kept.at(-1), first, 'what is wrong is put right');
});
