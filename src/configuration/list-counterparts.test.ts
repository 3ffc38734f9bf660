import assert from 'node:assert/strict';
import { test } from 'node:test';

import { listCounterparts } from './list-counterparts.ts';

const a = { name: 'a', url: 'x' };
const b = { name: 'b', url: 'y' };

for (const [what, written, before, expected] of [
  ['the same', [a, b], [a, b], [0, 1]],
  ['moved', [b, a], [a, b], [1, 0]],
  ['the first is gone', [b], [a, b], [1]],
  ['the first is gone, the other changed', [{ ...b, url: 'z' }], [a, b], [1]],
  [
    'the first is gone, the other has no name',
    [{ url: 'y', flags: {} }],
    [{ url: 'x' }, { url: 'y' }],
    [1],
  ],
  ['one is added before', [{ name: 'c' }, a], [a], [undefined, 0]],
  ['renamed', [{ ...a, name: 'c' }, b], [a, b], [0, 1]],
  ['renamed and moved elsewhere', [{ name: 'c', url: 'z' }, b], [a, b], [0, 1]],
  ['one is gone, another one new', [b, { name: 'c', url: 'z' }], [a, b], [1, undefined]],
  [
    'changed beyond recognition, one is gone',
    [{ url: 'z' }],
    [{ url: 'x' }, { url: 'y' }],
    [undefined],
  ],
  ['twice the same', [a, a], [a, a], [0, 1]],
  ['texts', ['q', 'p'], ['p', 'q'], [1, 0]],
  ['a text that has changed', ['p', 'r'], ['p', 'q'], [0, 1]],
] as const) {
  test(what, () => assert.deepEqual(listCounterparts(written, before), expected));
}
