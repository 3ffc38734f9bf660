import assert from 'node:assert/strict';
import { test } from 'node:test';

import { utf8 } from '../../../base/bytes.ts';
import { AppError, type ErrorCode } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import {
  accessFor,
  decodeDescription,
  describeRepository,
  encodeDescription,
  type Description,
} from './description.ts';
import { deriveKeyRing, restrictKeyRing } from './key-ring.ts';

const ring = deriveKeyRing(systemRandom(32), systemRandom(16));
const description = describeRepository(ring);
const bytes = encodeDescription(description, ring);
const text = Buffer.from(bytes).toString('utf8');

function refused(candidate: string | Uint8Array, code: ErrorCode): void {
  const given = typeof candidate === 'string' ? utf8(candidate) : candidate;
  assert.throws(
    () => decodeDescription(given),
    (error) => error instanceof AppError && error.code === code,
  );
}

test('comes back as it was, and is the same every time', () => {
  assert.deepEqual(decodeDescription(bytes), description);
  assert.deepEqual(encodeDescription(describeRepository(ring), ring), bytes);
  assert.match(text, /^\{\n {2}"format": "holdfast",\n {2}"version": 1,/u);
  assert.ok(text.endsWith('"\n}\n'));
});

test('every changed byte and every truncation is refused', () => {
  for (let position = 0; position < bytes.length; position++) {
    const changed = Uint8Array.from(bytes);
    changed[position] = (changed[position] ?? 0) ^ 1;
    assert.throws(() => decodeDescription(changed), AppError);
  }
  for (let length = 0; length < bytes.length; length += 5) {
    assert.throws(() => decodeDescription(bytes.subarray(0, length)), AppError);
  }
});

test('fields that nobody signed, another order or other white space are refused', () => {
  refused(text.replace('"suite": 1,', '"suite": 1,\n  "extra": true,'), 'repository/damaged');
  refused(JSON.stringify(JSON.parse(text)), 'repository/damaged');
  refused(`${text}\n`, 'repository/damaged');
});

test('somebody else’s file of that name is said to be none of ours', () => {
  for (const other of ['', '[]', 'null', '{"format":"tar"}', '\u007fELF', 'x'.repeat(70_000)]) {
    refused(other, 'repository/damaged');
  }
  refused(Uint8Array.of(0xff, 0xfe), 'repository/damaged');
});

test('a newer version asks for a newer program', () => {
  refused(text.replace('"version": 1', '"version": 2'), 'repository/unsupported');
  refused(text.replace('"suite": 1', '"suite": 2'), 'repository/unsupported');
  refused(text.replace('gear32', 'gear64'), 'repository/unsupported');
});

test('chunker parameters out of bounds are refused although they are signed', () => {
  const { chunker } = description;
  for (const change of [
    { minimum: 64 * 1024 - 1 },
    { normal: chunker.minimum },
    { maximum: chunker.normal },
    { maximum: 4 * 1024 * 1024 + 1 },
    { looseBits: 7 },
    { looseBits: 22 },
    { strictBits: 33 },
  ]) {
    const changed: Description = { ...description, chunker: { ...chunker, ...change } };
    refused(encodeDescription(changed, ring), 'repository/damaged');
  }
  const allowed: Description = { ...description, chunker: { ...chunker, minimum: 64 * 1024 } };
  assert.deepEqual(decodeDescription(encodeDescription(allowed, ring)), allowed);
});

test('unknown features refuse, make read-only, or do nothing', () => {
  const none = { requiredToRead: [], requiredToWrite: [], optional: [] };
  assert.equal(accessFor([none]), 'read-write');
  assert.equal(accessFor([none, { ...none, optional: ['x'] }]), 'read-write');
  assert.equal(accessFor([{ ...none, requiredToWrite: ['x'] }, none]), 'read-only');
  assert.equal(accessFor([{ ...none, requiredToWrite: ['x'] }], new Set(['x'])), 'read-write');
  assert.throws(
    () => accessFor([none, { ...none, requiredToRead: ['x'] }]),
    (error) => error instanceof AppError && error.code === 'repository/unsupported',
  );
  const featured: Description = {
    ...description,
    features: { ...none, requiredToWrite: ['parity-1'] },
  };
  assert.deepEqual(decodeDescription(encodeDescription(featured, ring)), featured);
});

test('only an owner writes one', () => {
  const reader = restrictKeyRing(ring, 'reader');
  assert.throws(
    () => encodeDescription(description, reader),
    (error) =>
      error instanceof AppError &&
      error.code === 'repository/not-permitted' &&
      error.message.includes('"reader"'),
  );
});
