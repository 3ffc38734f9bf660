import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sourceRoot } from './source-root.ts';

const cases: readonly [said: string | undefined, root: string][] = [
  ['/home/ann', '/home/ann'],
  ['/', '/'],
  ['//home//ann/./', '/home/ann'],
  ['/a\xffb', '/a\xffb'],
  // What was given as a relative path was below a directory that nobody knows any more.
  [undefined, '/unknown-place'],
  ['', '/unknown-place'],
  ['.', '/unknown-place'],
  ['..', '/unknown-place'],
  ['src', '/unknown-place/src'],
  ['../other/src', '/unknown-place/other/src'],
  ['/home/../../etc', '/unknown-place/home/etc'],
];

for (const [said, root] of cases) {
  test(`the source "${said}" is taken to have been at "${root}"`, () => {
    const paths = said === undefined ? [] : [Buffer.from(said, 'latin1')];
    assert.equal(Buffer.from(sourceRoot({ paths })).toString('latin1'), root);
  });
}
