import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { utf8 } from '../base/bytes.ts';
import { fromBase32, toBase32 } from './base32.ts';
import { MalformedError } from './binary/byte-reader.ts';

test('agrees with RFC 4648, section 10', () => {
  for (const [text, encoded] of [
    ['', ''],
    ['f', 'MY'],
    ['fo', 'MZXQ'],
    ['foo', 'MZXW6'],
    ['foob', 'MZXW6YQ'],
    ['fooba', 'MZXW6YTB'],
    ['foobar', 'MZXW6YTBOI'],
  ] as const) {
    assert.equal(toBase32(utf8(text)), encoded);
    assert.deepEqual(fromBase32(encoded), utf8(text));
  }
});

test('what is written is read', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      assert.deepEqual(fromBase32(toBase32(bytes)), bytes);
    }),
  );
});

test('refuses other characters, loose bits and impossible lengths', () => {
  for (const text of ['M1', 'my', 'MZ', 'MZXW6Y=', 'A', 'AAA']) {
    assert.throws(() => fromBase32(text), MalformedError, text);
  }
});
