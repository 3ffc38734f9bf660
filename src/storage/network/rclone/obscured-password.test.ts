import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Secret } from '../../../base/secret.ts';
import { obscuredPassword } from './obscured-password.ts';

test('a password is obscured as rclone does', () => {
  // `rclone reveal` gives "potato" for it; from rclone's own tests.
  const start = Buffer.from('aaaaaaaaaaaaaaaa', 'latin1');
  assert.equal(
    obscuredPassword(new Secret('potato'), () => new Uint8Array(start)),
    'YWFhYWFhYWFhYWFhYWFhYXMaGgIlEQ',
  );
});
