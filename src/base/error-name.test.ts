import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { getSystemErrorName } from 'node:util';

import { errorNameOf } from './error-name.ts';
import { systemCodeOf } from './errors.ts';

const numbers = Object.values(constants.errno);

/** As the calls that wait give it, and those that promise. */
function errorsOf(errno: number, code: string): Error[] {
  return [code, code.startsWith('Unknown') ? 'UNKNOWN' : code].map((name) =>
    Object.assign(new Error(`${name}: write`), { code: name, errno: -errno, syscall: 'write' }),
  );
}

test('an error has the name of the system, also where Node has none', () => {
  for (const errno of numbers) {
    const code = getSystemErrorName(-errno);
    const name = code.startsWith('Unknown') ? errorNameOf(errno) : code;
    assert.match(name, /^E[0-9A-Z]+$/u);
    assert.deepEqual(errorsOf(errno, code).map(systemCodeOf), [name, name]);
  }
  for (const name of ['EDQUOT', 'ESTALE'] as const) {
    assert.equal(errorNameOf(constants.errno[name]), name);
  }
});

test('a damaged file system is named', { skip: process.platform !== 'linux' }, () => {
  assert.equal(errorNameOf(117), 'EUCLEAN');
  assert.deepEqual(errorsOf(117, getSystemErrorName(-117)).map(systemCodeOf), [
    'EUCLEAN',
    'EUCLEAN',
  ]);
});

test('an error that says no more than that it is unknown stays what it is', () => {
  assert.equal(systemCodeOf(Object.assign(new Error('?'), { code: 'UNKNOWN' })), 'UNKNOWN');
});
