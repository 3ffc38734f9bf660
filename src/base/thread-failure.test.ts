import assert from 'node:assert/strict';
import { test } from 'node:test';

import { AppError, systemCodeOf } from './errors.ts';
import { threadErrorOf, threadFailureOf } from './thread-failure.ts';

function sent(error: unknown): AppError {
  return threadErrorOf(structuredClone(threadFailureOf(error)));
}

test('an error is the same in another thread, and tells where it came from', () => {
  const cause = Object.assign(new Error('write'), { code: 'ENOSPC' });
  const options = { cause, hint: 'Make room', details: { name: 'a', size: 7, isLast: true } };
  const error = new AppError('target/unwritable', 'The disk is full', options);
  const { code, message, hint, details, cause: origin } = sent(error);
  assert.deepEqual(
    { code, message, hint, details },
    { code: error.code, message: error.message, hint: error.hint, details: error.details },
  );
  assert.equal(systemCodeOf(origin), 'ENOSPC');
  assert.match((origin as Error).message, /thread-failure\.test/u);
});

test('without a hint and a cause there are none', () => {
  const { hint, cause } = sent(new AppError('repository/damaged', 'A pack is damaged'));
  assert.equal(hint, undefined);
  assert.equal(systemCodeOf(cause), undefined);
});

test('what is none of ours is internal, whatever was thrown, and keeps the name that the system has for it', () => {
  const system = Object.assign(new Error('no room'), { code: 'EDQUOT' });
  const error = sent(system);
  assert.equal(error.code, 'internal');
  assert.equal(error.message, 'no room');
  assert.equal(systemCodeOf(error.cause), 'EDQUOT');
  assert.equal(sent('a text').message, 'a text');
});
