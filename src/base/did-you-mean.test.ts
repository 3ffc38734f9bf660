import assert from 'node:assert/strict';
import { test } from 'node:test';

import { didYouMean } from './did-you-mean.ts';

const candidates = ['attempts', 'connections', 'limit-upload', 'limit-download', 'path'];

test('didYouMean() finds what was mistyped', () => {
  assert.equal(didYouMean('attemps', candidates), 'attempts');
  assert.equal(didYouMean('conections', candidates), 'connections');
  assert.equal(didYouMean('Limit-Uplaod', candidates), 'limit-upload');
  assert.equal(didYouMean('paht', candidates), 'path');
});

test('didYouMean() does not guess wildly', () => {
  assert.equal(didYouMean('region', candidates), undefined);
  assert.equal(didYouMean('x', candidates), undefined);
  assert.equal(didYouMean('xyz', ['ab']), undefined);
});
