import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isDirectMemory } from '../../../base/posix/direct-writes.ts';
import { allocatePackStates, PackMemory, releasePack } from './pack-memory.ts';

test('memory of packs can be written from directly, and is used again when its pack is stored', () => {
  const states = allocatePackStates();
  const memory = new PackMemory(states);
  const first = memory.take(5_000_000);
  const { slot } = memory;
  const second = memory.take(3_000_000);
  assert.ok(isDirectMemory(first));
  assert.ok(isDirectMemory(second));
  assert.notEqual(first.buffer, second.buffer);
  releasePack(states, slot);
  assert.equal(memory.take(4_000_000).buffer, first.buffer);
  releasePack(states, slot);
  assert.equal(memory.take(6_000_000).length, 6_000_000, 'what is too small is not used again');
});
