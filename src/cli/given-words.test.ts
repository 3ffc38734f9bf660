import assert from 'node:assert/strict';
import { test } from 'node:test';

import { givenDirectory, givenWords } from './given-words.ts';

test('words that are not those of the command line stay as they are', () => {
  for (const words of [[], ['a'], ['a\ufffd'], ['\ufffd', 'b'], Array(1000).fill('\ufffd')])
    assert.deepEqual(givenWords(words), words);
  assert.equal(givenDirectory('/nowhere/\ufffd'), '/nowhere/\ufffd');
  assert.equal(givenDirectory('/nowhere'), '/nowhere');
});
