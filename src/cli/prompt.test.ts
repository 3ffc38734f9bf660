import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { testContext } from '#test/cli/command-line.ts';

import { ask } from './prompt.ts';

describe('ask()', () => {
  test('keeps what is typed ahead for the next question', async () => {
    const context = testContext({ typed: ['first\rsecond\r\nthird'] });
    assert.equal(await ask('One: ', context), 'first');
    const next = testContext();
    assert.equal(await ask('Two', { ...next, stdin: context.stdin }), 'second');
    assert.equal(await ask('Three', { ...next, stdin: context.stdin }), 'third');
  });

  test('takes characters back, also those of several bytes, and whole lines', async () => {
    const context = testContext({ typed: ['wrong\u0015aé\u007fb'] });
    assert.equal(await ask('One: ', context), 'ab');
  });

  test('ends with Ctrl-C and with the end of input', async () => {
    for (const typed of [['abc\u0003'], ['\u0004'], []]) {
      await assert.rejects(ask('One: ', testContext({ typed })), { code: 'interrupted' });
    }
  });
});
