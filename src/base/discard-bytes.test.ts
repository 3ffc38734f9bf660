import assert from 'node:assert/strict';
import { test } from 'node:test';

import { discardBytes, discardLastPiece } from './discard-bytes.ts';

test('discarded bytes hold no memory', () => {
  const bytes = Buffer.allocUnsafeSlow(4 * 1024 * 1024);
  const before = process.memoryUsage().arrayBuffers;
  discardBytes(bytes.subarray(10, 20));
  assert.equal(bytes.length, 0);
  assert.ok(before - process.memoryUsage().arrayBuffers >= 4 * 1024 * 1024);
});

test('the last piece of a buffer takes it along, the others do not', () => {
  const bytes = Buffer.allocUnsafeSlow(1024 * 1024);
  discardLastPiece(bytes.subarray(0, 1000));
  assert.equal(bytes.length, 1024 * 1024);
  discardLastPiece(bytes.subarray(1000));
  assert.equal(bytes.length, 0);
});

test('shared memory and small buffers stay', () => {
  const bytes = new Uint8Array(new SharedArrayBuffer(8));
  discardBytes(bytes);
  assert.equal(bytes.length, 8);
  const pooled = Buffer.allocUnsafe(100);
  discardBytes(pooled);
  assert.equal(pooled.length, 100);
});
