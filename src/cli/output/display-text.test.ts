import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { utf8 } from '../../base/bytes.ts';
import {
  displayPath,
  displayWidth,
  pathFields,
  pathShownAs,
  pathsFields,
  truncate,
} from './display-text.ts';

describe('names on a terminal', () => {
  test('displayPath() escapes what could do harm or mislead', () => {
    assert.equal(displayPath(utf8('/home/anna/Bücher/日本')), '/home/anna/Bücher/日本');
    assert.equal(displayPath(utf8('a\\b')), 'a\\b');
    assert.equal(
      displayPath(utf8('a\n\u001b[31m\u202e\u2028\\')),
      'a\\n\\x1b[31m\\u{202e}\\u{2028}\\\\',
    );
    assert.equal(displayPath(Uint8Array.of(0x61, 0xff, 0xc3)), 'a\\xff\\xc3');
  });

  test('displayPath() doubles what only looks like an escape', () => {
    for (const [name, shown] of [
      ['a\\xff', 'a\\\\xff'],
      ['a\\n\\b', 'a\\\\n\\\\b'],
      ['C:\\dir', 'C:\\dir'],
      ['a\\\\', 'a\\\\\\\\'],
      ['\u0085\u00ad', '\\u{85}\\u{ad}'],
    ] as const)
      assert.equal(displayPath(utf8(name)), shown);
  });

  test('pathShownAs() is the way back, for every path', () => {
    const bytes = fc.array(
      fc.oneof(
        fc.constantFrom(...utf8('\\xnu{}ff0a\n\r\t\u0085\u00ad'), 0xff, 0xad, 0x85, 0xc2),
        fc.integer({ min: 1, max: 255 }),
      ),
      { maxLength: 9 },
    );
    fc.assert(
      fc.property(bytes, (codes) => {
        const path = Uint8Array.from(codes);
        const shown = displayPath(path);
        assert.deepEqual(new Uint8Array(pathShownAs(shown) ?? utf8(shown)), path);
      }),
      { numRuns: 5000 },
    );
  });

  test('pathShownAs() takes nothing that is never shown', () => {
    for (const text of ['a', 'a\\b', 'a\\x41', 'a\\u{110000}', '\\xff\\q', 'a\\u{62}'])
      assert.equal(pathShownAs(text), undefined, text);
  });

  test('pathFields() gives exact bytes where text cannot', () => {
    assert.deepEqual(pathFields(utf8('/ä\n')), { path: '/ä\n' });
    assert.deepEqual(pathFields(Uint8Array.of(0x61, 0xff)), { path: 'a\ufffd', path_b64: 'Yf8=' });
    assert.deepEqual(pathsFields([utf8('/a')]), { paths: ['/a'] });
    assert.deepEqual(pathsFields([utf8('/a'), Uint8Array.of(0xff)]).paths_b64, ['L2E=', '/w==']);
  });

  test('displayWidth() counts columns', () => {
    const widths = { abc: 3, ä: 1, 'a\u0308': 1, 日本: 4, '👨‍👩‍👧': 2, '': 0 };
    for (const [text, width] of Object.entries(widths))
      assert.equal(displayWidth(text), width, text);
  });

  test('truncate() keeps to the width', () => {
    assert.equal(truncate('abcdef', 6), 'abcdef');
    assert.equal(truncate('abcdef', 5), 'abcd…');
    assert.equal(truncate('日本語', 4), '日…');
    assert.equal(truncate('abc', 0), '');
  });
});
