import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, describe, test } from 'node:test';

import { eachDamage } from '#test/support/each-damage.ts';
import {
  host,
  openPack,
  packContext,
  packerOf,
  ring,
  verifying,
} from '#test/support/pack-fixture.ts';

import { toHex } from '../../../base/bytes.ts';
import { hasCode } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { signerFromSeed } from '../../../codec/encryption/signature.ts';
import { MemoryStorage } from '../../../storage/drivers/memory/memory.ts';
import { blobType } from '../content/blob-id.ts';
import { deriveKeyRing } from '../keys/key-ring.ts';
import { packName } from '../objects/object-name.ts';
import type { FinishedPack, PackContext } from './pack-builder.ts';
import { openPackTail, readPackTail } from './pack-tail.ts';

function packOf(count: number, context: PackContext = packContext()): FinishedPack {
  const { packer, packs } = packerOf('data', context);
  for (let index = 0; index < count; index++) packer.add(blobType.data, randomBytes(200));
  packer.flush();
  assert.equal(packs.length, 1);
  return packs[0]!;
}

async function readDamaged(
  bytes: Uint8Array,
  withHead: boolean,
): Promise<Awaited<ReturnType<typeof readPackTail>> | undefined> {
  const storage = new MemoryStorage();
  const name = '0'.repeat(64);
  await storage.put(packName(name), bytes);
  try {
    return await readPackTail(storage, name, bytes.length, verifying, { withHead });
  } catch (error) {
    // A flipped version is one that a newer program may have written.
    assert.ok(hasCode(error, 'repository/damaged', 'repository/unsupported'), String(error));
    return undefined;
  }
}

describe('pack tail', () => {
  let small: FinishedPack;
  before(() => {
    small = packOf(3);
  });

  test('opens from memory and from the storage, also where its table is long', async () => {
    for (const pack of [small, packOf(900, packContext({ target: 16_000_000 }))]) {
      const fromMemory = openPackTail(pack.bytes, verifying);
      assert.deepEqual(Buffer.from(fromMemory.record), Buffer.from(pack.table));
      assert.equal(fromMemory.signer.id, host.id);
      const storage = new MemoryStorage();
      const name = toHex(pack.name);
      await storage.put(packName(name), pack.bytes);
      for (const withHead of [false, true]) {
        const read = await readPackTail(storage, name, pack.bytes.length, verifying, { withHead });
        assert.deepEqual(Buffer.from(read.record), Buffer.from(pack.table));
        assert.equal(read.tableOffset, fromMemory.tableOffset);
      }
    }
  });

  test('one flipped bit anywhere is refused, or changes nothing that is read', async () => {
    const { bytes } = small;
    const intact = openPackTail(bytes, verifying);
    const wanted = openPack(bytes, 'data').map(({ id }) => id);
    for (let index = 0; index < bytes.length; index++) {
      // Ciphertext of segments is one byte like the other.
      if (index > 1400 && index < intact.tableOffset - 40 && index % 29 !== 0) continue;
      const damaged = Uint8Array.from(bytes);
      damaged[index] = damaged[index]! ^ (1 << (index % 8));
      const inTail = index >= intact.tableOffset;
      const inHead = index < 12 + 1184;
      const read = await readDamaged(damaged, true);
      assert.equal(read === undefined, inTail || inHead, `byte ${index}`);
      if (read !== undefined) assert.deepEqual(read.record, intact.record);
      assert.throws(
        () => {
          const opened = openPack(damaged, 'data').map(({ id }) => id);
          // Only a segment of padding may be damaged unnoticed, and even that is opened here.
          assert.deepEqual(opened, wanted);
        },
        (error) => error instanceof MalformedError || hasCode(error, 'repository/unsupported'),
        `byte ${index}`,
      );
    }
  });

  test('a header that claims other slots is refused, not read past the end', async () => {
    for (const count of [0, 2, 3, 255]) {
      const damaged = Uint8Array.from(small.bytes);
      damaged[11] = count;
      assert.equal(await readDamaged(damaged, true), undefined);
      assert.throws(() => openPack(damaged, 'data'), MalformedError);
    }
  });

  test('every truncation is refused', async () => {
    const { bytes } = small;
    for (let length = 0; length < bytes.length; length += 1 + (length % 7)) {
      assert.equal(await readDamaged(bytes.slice(0, length), false), undefined, `${length}`);
      assert.throws(() => openPackTail(bytes.slice(0, length), verifying), MalformedError);
    }
    const longer = Buffer.concat([bytes, Buffer.alloc(1)]);
    assert.equal(await readDamaged(longer, false), undefined);
  });

  test('damage to the trailer alone is always refused', () => {
    const { bytes } = small;
    const front = bytes.subarray(0, -156);
    const refused = eachDamage(bytes.subarray(-156), (trailer) =>
      openPackTail(Buffer.concat([front, trailer]), verifying),
    );
    assert.equal(refused, 156 + 156 * 8);
  });

  test('an unknown signer, another key and another repository are refused', () => {
    const nobody = { ...verifying, findSigner: () => undefined };
    assert.throws(() => openPackTail(small.bytes, nobody), /no valid certificate/u);
    const other = signerFromSeed(systemRandom(32));
    const forged = packOf(2, packContext({ signer: other }));
    assert.throws(() => openPackTail(forged.bytes, verifying), /signature/iu);
    const elsewhere = deriveKeyRing(systemRandom(32), ring.repositoryId);
    assert.throws(
      () => openPackTail(small.bytes, { ...verifying, keys: elsewhere }),
      MalformedError,
    );
    const moved = { ...ring, repositoryId: systemRandom(16) };
    assert.throws(() => openPackTail(small.bytes, { ...verifying, keys: moved }), MalformedError);
  });
});
