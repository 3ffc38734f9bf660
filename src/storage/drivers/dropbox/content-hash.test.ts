import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';

import { blockSize, ContentHash, contentHashOf } from './content-hash.ts';

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

describe('the content hash of Dropbox', () => {
  test('of nothing is the SHA-256 of nothing', () => {
    assert.equal(
      contentHashOf(new Uint8Array()),
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
  });

  test('of one block is the SHA-256 of its SHA-256', () => {
    const bytes = Buffer.from('a small file');
    assert.equal(contentHashOf(bytes), sha256(sha256(bytes)).toString('hex'));
  });

  test('is the same however the bytes come', () => {
    const bytes = new Uint8Array(2 * blockSize + 5).map((_, index) => index % 251);
    const expected = sha256(
      Buffer.concat([
        sha256(bytes.subarray(0, blockSize)),
        sha256(bytes.subarray(blockSize, 2 * blockSize)),
        sha256(bytes.subarray(2 * blockSize)),
      ]),
    ).toString('hex');
    assert.equal(contentHashOf(bytes), expected);
    const hash = new ContentHash();
    for (let offset = 0; offset < bytes.byteLength; offset += 1_000_003)
      hash.update(bytes.subarray(offset, offset + 1_000_003));
    assert.equal(hash.digest(), expected);
  });
});
