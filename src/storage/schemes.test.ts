import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { hasCode } from '../base/errors.ts';
import { driverNameOf } from './schemes.ts';

describe('driverNameOf()', () => {
  for (const [written, driver] of [
    ['ssh', 'sftp'],
    ['paramiko+scp', 'sftp'],
    ['lftp+ftps', 'ftp'],
    ['boto3+s3', 's3'],
    ['boto+s3', 's3'],
    ['s3+http', 's3'],
    ['webdavs', 'webdav'],
    ['cf+http', 'swift'],
    ['gcs', 'gs'],
    ['onedrivev2', 'onedrive'],
    ['file', 'file'],
    ['nonsense', 'nonsense'],
    ['constructor', 'constructor'],
  ] as const) {
    test(`${written} is ${driver}`, () => assert.equal(driverNameOf(written), driver));
  }

  for (const [written, reason] of [
    ['cf+hubic', /hubiC/u],
    ['ad', /Amazon Cloud Drive/u],
    ['mega', /through rclone/u],
    ['imaps', /mailbox/u],
    ['duplicati', /only Duplicati/u],
  ] as const) {
    test(`${written} is refused with a reason`, () => {
      assert.throws(
        () => driverNameOf(written),
        (error) => hasCode(error, 'input/usage') && reason.test(error.message),
      );
    });
  }
});
