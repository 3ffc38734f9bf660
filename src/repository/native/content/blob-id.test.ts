import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { blobVectors } from '../../../../tools/vectors/content-vectors.ts';
import { vectorFile } from '../../../../tools/vectors/vector-file.ts';
import { toHex } from '../../../base/bytes.ts';
import { BlobNamer, blobType } from './blob-id.ts';

function plainId(key: Uint8Array, type: number, raw: Uint8Array): string {
  const digest = createHash('sha256').update(raw).digest();
  return createHmac('sha256', key).update(Uint8Array.of(type)).update(digest).digest('hex');
}

const keys = fc.uint8Array({ minLength: 32, maxLength: 32 });
const types = fc.constantFrom(...Object.values(blobType));

describe('blob ids', () => {
  test('are the HMAC of type and hash, however the bytes are given', () => {
    fc.assert(
      fc.property(
        keys,
        fc.array(fc.tuple(types, fc.array(fc.uint8Array({ maxLength: 200 }))), { maxLength: 5 }),
        (key, blobs) => {
          // One namer for all: what one call leaves behind must not show in the next.
          const namer = new BlobNamer(key);
          const ids = blobs.map(([type, pieces]) => {
            const raw = Buffer.concat(pieces);
            namer.linkOf(1n, 2n);
            return [namer.nameOf(type, raw), namer.nameOfParts(type, pieces), type, raw] as const;
          });
          for (const [id, ofParts, type, raw] of ids) {
            assert.equal(toHex(id), plainId(key, type, raw));
            assert.equal(toHex(ofParts), plainId(key, type, raw));
          }
        },
      ),
    );
  });

  test('hard links are marked by device and inode, all 64 bits of them', () => {
    fc.assert(
      fc.property(
        keys,
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        (key, device, inode) => {
          const numbers = Buffer.alloc(16);
          numbers.writeBigUInt64LE(device, 0);
          numbers.writeBigUInt64LE(inode, 8);
          const expected = createHmac('sha256', key).update('link').update(numbers).digest('hex');
          const mark = new BlobNamer(key).linkOf(device, inode);
          assert.equal(toHex(mark), expected.slice(0, 16));
        },
      ),
    );
  });

  test('the test vectors of the format', async () => {
    const file = JSON.parse(await readFile(vectorFile, 'utf8')) as {
      readonly keys: { readonly id: string };
      readonly blobs: {
        readonly ids: readonly { type: keyof typeof blobType; raw: string; id: string }[];
      };
    };
    assert.deepEqual(blobVectors(), file.blobs);
    const key = Buffer.from(file.keys.id, 'hex');
    for (const { type, raw, id } of file.blobs.ids) {
      assert.equal(plainId(key, blobType[type], Buffer.from(raw, 'hex')), id);
    }
  });
});
