import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { concatBytes, fromHex, toHex, utf8 } from '../../../base/bytes.ts';
import { countOf, parseStringToKey, PassphraseKeys, type StringToKey } from './string-to-key.ts';

const salt = fromHex('a06d386f4cc6f8e8');

/** RFC 4880, 3.7.1, as it is written there. */
function naive(passphrase: string, { salt: start, count }: StringToKey, length: number): string {
  const unit = concatBytes(start ?? new Uint8Array(0), utf8(passphrase));
  const total = Math.max(count, unit.length);
  const repeated = Buffer.alloc(total, unit.length === 0 ? 0 : Buffer.from(unit));
  const hashes = [0, 1, 2].map((zeros) =>
    createHash('sha1').update(new Uint8Array(zeros)).update(repeated).digest(),
  );
  return Buffer.concat(hashes).subarray(0, length).toString('hex');
}

test('keys are made as RFC 4880 says: simple, salted, iterated, longer than a hash', async () => {
  for (const passphrase of ['a', 'fixture pass phrase', 'é'.repeat(40_000)]) {
    const keys = new PassphraseKeys(utf8(passphrase));
    for (const [start, count] of [
      [undefined, 0],
      [salt, 0],
      [salt, 1024],
      [salt, 65_536],
      [salt, 20_000_001],
    ] as const) {
      const way = { hash: 2, salt: start, count };
      assert.equal(toHex(await keys.derive(way, 32, {})), naive(passphrase, way, 32));
      assert.equal(toHex(await keys.derive(way, 16, {})), naive(passphrase, way, 16));
    }
  }
});

test('the same key is not made twice, others are', async () => {
  const keys = new PassphraseKeys(utf8('x'));
  const way = { hash: 8, salt, count: 1024 };
  const first = await keys.derive(way, 32, {});
  assert.equal(await keys.derive({ ...way, salt: salt.slice() }, 32, {}), first);
  assert.notDeepEqual(await keys.derive({ ...way, hash: 10 }, 32, {}), first);
});

test('counts', () => {
  assert.equal(countOf(0), 1024);
  assert.equal(countOf(96), 65_536);
  assert.equal(countOf(255), 65_011_712);
});

test('the beginning of a file of duplicity is parsed; what is cut off or unknown is told apart', () => {
  const bytes = fromHex('0302a06d386f4cc6f8e8ff');
  assert.deepEqual(parseStringToKey(bytes), {
    stringToKey: { hash: 2, salt, count: 65_011_712 },
    length: 11,
  });
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => parseStringToKey(bytes.subarray(0, length)), {
      code: 'repository/damaged',
    });
  }
  for (const unknown of ['0202', '6500', '0363']) {
    assert.throws(() => parseStringToKey(fromHex(unknown.padEnd(22, '0'))), {
      code: 'repository/unsupported',
    });
  }
});

test('an abort ends the work', async () => {
  const controller = new AbortController();
  const keys = new PassphraseKeys(utf8('x'));
  const key = keys.derive({ hash: 2, salt, count: countOf(255) }, 32, {
    signal: controller.signal,
  });
  controller.abort(new Error('enough'));
  await assert.rejects(key, /enough/u);
});

test('who waits for a key that another one gave up gets it all the same', async () => {
  const controller = new AbortController();
  const keys = new PassphraseKeys(utf8('x'));
  const way = { hash: 2, salt, count: countOf(255) };
  const first = keys.derive(way, 32, { signal: controller.signal });
  const second = keys.derive(way, 32, {});
  controller.abort(new Error('enough'));
  await assert.rejects(first, /enough/u);
  assert.equal(toHex(await second), naive('x', way, 32));
});

test('a salt is proven by messages that were made as ours are alone', () => {
  const keys = new PassphraseKeys(utf8('secret'));
  keys.prove({ hash: 8, salt, count: countOf(255) });
  keys.prove({ hash: 2, salt, count: countOf(96) });
  keys.prove({ hash: 2, salt, count: 0 });
  assert.equal(keys.provenSalt, undefined);
  keys.prove({ hash: 2, salt, count: countOf(255) });
  assert.equal(keys.provenSalt, salt);
});
