import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemClock } from '../../base/clock.ts';
import { MemoryStorage } from '../drivers/memory/memory.ts';
import type { Storage } from '../storage.ts';
import { forward } from './forward.ts';

test('a hint that much will be read goes on to where it is of use', async () => {
  await using inner = new MemoryStorage({ clock: systemClock });
  assert.equal(forward(inner).expectReads, undefined);
  let hints = 0;
  const hinted: Storage = { ...forward(inner), expectReads: () => void hints++ };
  forward(hinted).expectReads?.();
  assert.equal(hints, 1);
});
