import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { hasCode } from '../../../base/errors.ts';
import { parseRcloneFlags, rcloneEnvironment } from './rclone-flags.ts';

describe('flags for rclone', () => {
  test('are apart by spaces', () => {
    assert.deepEqual(parseRcloneFlags(' --tpslimit=5  --drive-chunk-size=64M --fast-list '), [
      '--tpslimit=5',
      '--drive-chunk-size=64M',
      '--fast-list',
    ]);
    assert.deepEqual(parseRcloneFlags(''), []);
  });

  for (const text of [
    '-v',
    'delete',
    '; rm',
    '--',
    '--dry-run',
    '--rc-no-auth',
    '--config=/x',
    '--max-size=1M',
    '--log-file=/x',
    '--exclude=*',
  ]) {
    test(`"${text}" is refused`, () =>
      assert.throws(
        () => parseRcloneFlags(text),
        (error) => hasCode(error, 'input/usage'),
      ));
  }

  test('the environment keeps remotes and general settings, and nothing that would change what we do', () => {
    const kept = {
      HOME: '/root',
      RCLONE_CONFIG: '/x',
      RCLONE_CONFIG_PASS: 'secret',
      RCLONE_CONFIG_MINE_TYPE: 'sftp',
      RCLONE_PASSWORD_COMMAND: 'pass',
      RCLONE_TPSLIMIT: '5',
      RCLONE_SFTP_KEY_FILE: '/k',
    };
    const dropped = {
      RCLONE_RC_ADDR: ':80',
      RCLONE_RC_NO_AUTH: 'true',
      RCLONE_DRY_RUN: 'true',
      RCLONE_LOG_FILE: '/l',
      RCLONE_EXCLUDE: '*',
      RCLONE_CACHE_OBJECTS: 'true',
      HOLDFAST_PASSPHRASE: 'hush',
    };
    assert.deepEqual(rcloneEnvironment({ ...kept, ...dropped }), kept);
  });
});
