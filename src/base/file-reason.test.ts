import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { getSystemErrorName } from 'node:util';

import { fileReason } from './file-reason.ts';

/** As Node gives it. */
function failure(errno: number): Error {
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(`${code}: ${code}, write`), { code, errno: -errno });
}

test('the reason is a sentence, also where Node has no name for the error', () => {
  assert.equal(fileReason(failure(constants.errno.ENOSPC)), 'no space is left');
  assert.equal(fileReason(failure(constants.errno.EDQUOT)), 'the disk quota is used up');
  assert.equal(fileReason(failure(constants.errno.ESTALE)), 'the network file system has lost it');
  assert.equal(fileReason(new Error('disk I/O error')), 'disk I/O error');
});
