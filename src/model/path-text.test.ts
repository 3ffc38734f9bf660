import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { equalBytes, utf8 } from '../base/bytes.ts';
import { pathBytes, pathText } from './path-text.ts';

/** Bytes in which broken UTF-8 is likely. */
const names = fc.array(
  fc.constantFrom(
    0x2f,
    0x61,
    0x80,
    0xbf,
    0xc3,
    0xa4,
    0xe2,
    0x82,
    0xac,
    0xed,
    0xb3,
    0xf0,
    0x9f,
    0x98,
    0xff,
  ),
  {
    maxLength: 8,
  },
);

describe('pathText()', () => {
  test('is UTF-8 where the bytes are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) =>
        assert.equal(pathText(utf8(text)), text),
      ),
    );
  });

  test('maps every stray byte to one character', () => {
    assert.equal(pathText(Uint8Array.of(0x61, 0xff, 0xc3, 0xa4, 0xc3)), 'a\udcffä\udcc3');
    assert.equal(pathText(Uint8Array.of(0xe2, 0x82, 0x61)), '\udce2\udc82a');
  });

  test('loses nothing', () => {
    fc.assert(
      fc.property(names, (bytes) => {
        const name = Uint8Array.from(bytes);
        assert.ok(equalBytes(pathBytes(pathText(name)), name));
      }),
      { numRuns: 2000 },
    );
  });
});
