import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fromHex, toHex } from '../../../base/bytes.ts';
import { systemRandom } from '../../../base/random.ts';
import { signerFromSeed } from '../../../codec/encryption/signature.ts';
import { padme } from '../../../codec/padme.ts';
import { SampleRepository } from '#test/support/sample-repository.ts';
import { layOut } from './pack-layout.ts';
import { codecs } from './pack-table.ts';
import { openPackTail } from './pack-tail.ts';
import { TransportPack } from './transport-pack.ts';

void test('copies segments of up to 254 slots verbatim, with their origins', () => {
  const { access } = new SampleRepository().host();
  const { keys } = access;
  const pack = new TransportPack(
    {
      repositoryId: keys.repositoryId,
      indexKey: keys.indexKey,
      dataPublic: keys.dataPublic,
      metaPublic: keys.metaPublic,
      signerId: fromHex(access.hostId),
      signer: signerFromSeed(access.hostSeed),
      runId: systemRandom(16),
      target: 16 * 1024 * 1024,
      random: systemRandom,
    },
    'data',
  );
  const sources = Array.from({ length: 254 }, () => ({
    slot: systemRandom(1184),
    originPack: systemRandom(32),
    originSigner: systemRandom(16),
  }));
  const stored = sources.map(() => systemRandom(100));
  for (const [index, source] of sources.entries()) {
    assert.equal(pack.isFullFor(source.slot), false);
    const blobs = [{ type: 1, rawLength: 84, id: systemRandom(32) }] as const;
    pack.add(
      source,
      { slot: 0, number: 3, storedLength: 100, rawLength: 84, codec: codecs.stored, blobs },
      stored[index]!,
    );
  }
  assert.equal(pack.isFullFor(sources[0]!.slot), false);
  assert.equal(pack.isFullFor(systemRandom(1184)), true, 'the last slot is the padding');
  const { name, bytes } = pack.finish();
  assert.equal(bytes.length, padme(bytes.length));
  const { record, table, tableOffset } = openPackTail(bytes, access.verifying);
  const layout = layOut(toHex(name), bytes, record);
  assert.equal(layout.end, tableOffset);
  assert.equal(layout.slots.length, 255);
  for (const [index, source] of sources.entries()) {
    const { offset, storedLength, slot, number } = layout.segments[index]!;
    assert.deepEqual(bytes.slice(offset, offset + storedLength), stored[index]);
    assert.deepEqual(layout.slots[slot], source.slot);
    assert.equal(number, 3);
    assert.deepEqual(table.origins[index]?.pack, source.originPack);
    assert.deepEqual(table.origins[index]?.signer, source.originSigner);
  }
});
