import { test } from 'node:test';

import { storageContract } from '#test/contract/storage-contract.ts';
import { rejectsWith } from '#test/support/storage-samples.ts';

import { MemoryStorage } from './memory.ts';

storageContract('MemoryStorage', async () => new MemoryStorage());

test('MemoryStorage rejects what goes beyond its capacity', async () => {
  await using storage = new MemoryStorage({ capacity: 10 });
  await storage.put('a', new Uint8Array(6));
  await rejectsWith(storage.put('b', new Uint8Array(5)), 'storage/out-of-space');
  await rejectsWith(storage.stat('b'), 'storage/not-found');
  await storage.put('a', new Uint8Array(10));
});
