import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openArchive, plainProtection, setsAt } from '#test/support/duplicity-fixture.ts';
import { putHandmadeSet, rootEntry } from '#test/support/handmade-archive.ts';
import { utf8 } from '../../../base/bytes.ts';
import { hasCode } from '../../../base/errors.ts';
import { collectAll } from '../../../storage/byte-stream.ts';
import { MemoryStorage } from '../../../storage/drivers/memory/memory.ts';
import { ArchiveReader } from './archive-reader.ts';

async function read(storage: MemoryStorage): Promise<number> {
  await using archive = await openArchive(storage, plainProtection);
  const entries = new ArchiveReader(archive).entries(await setsAt(archive, undefined), {
    onProblem: () => assert.fail('There is nothing to be told'),
  });
  let count = 0;
  for await (const entry of entries) if (entry.path.length > 0) count++;
  return count;
}

async function twoHashes(): Promise<{ storage: MemoryStorage; volume: string }> {
  const storage = new MemoryStorage();
  const [volume = ''] = await putHandmadeSet(storage, {
    end: 1_700_000_000,
    volumes: [[rootEntry, { name: 'snapshot/a', content: 'a' }]],
    algorithms: ['SHA1', 'SHA256'],
  });
  return { storage, volume };
}

test('a volume with two hashes that is another one is said to be by the first', async () => {
  const { storage, volume } = await twoHashes();
  assert.equal(await read(storage), 1);
  await storage.put(volume, utf8('something else'));
  await assert.rejects(
    read(storage),
    (error) =>
      hasCode(error, 'repository/damaged') &&
      error.message === `"${volume}" is damaged: its SHA1 is not the one in the manifest` &&
      error.details['mismatch'] === 'SHA1',
  );
});

test('a volume is refused whose stronger hash alone is another one', async () => {
  const { storage, volume } = await twoHashes();
  const name = volume.replace('vol1.difftar', 'manifest');
  const manifest = Buffer.from(await collectAll(await storage.get(name))).toString();
  assert.match(manifest, /SHA256 [0-9a-f]/u);
  await storage.put(name, utf8(manifest.replace(/SHA256 [0-9a-f]{8}/u, 'SHA256 00000000')));
  await assert.rejects(
    read(storage),
    (error) =>
      hasCode(error, 'repository/damaged') &&
      error.message === `"${volume}" is damaged: its SHA256 is not the one in the manifest`,
  );
});
