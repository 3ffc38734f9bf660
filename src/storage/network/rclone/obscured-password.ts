import { createCipheriv } from 'node:crypto';

import { type RandomBytes, systemRandom } from '../../../base/random.ts';
import type { Secret } from '../../../base/secret.ts';

/** The key that every rclone has in its source (fs/config/obscure): it keeps passwords from being read over a shoulder, no more. */
const publicKey = Buffer.from(
  '9c935b48730a554d6bfd7c63c886a92bd390198eb8128afbf4de162b8b95f638',
  'hex',
);

/** A password in the form in which rclone takes it in its configuration. */
export function obscuredPassword(password: Secret, random: RandomBytes = systemRandom): string {
  const start = random(16);
  const cipher = createCipheriv('aes-256-ctr', publicKey, start);
  const text = Buffer.from(password.reveal(), 'utf8');
  return Buffer.concat([start, cipher.update(text), cipher.final()]).toString('base64url');
}
