import { exitCodes, fatal } from './fatal.ts';
import type { GivenOptions } from './parse-command-line.ts';

/**
 * Sees that what files are to be signed with may be a key: an id or fingerprint, or what 3.0.5 and later take as well, the name of somebody with an address or of several words.
 *
 * @throws AppError exit code 10
 */
export function requireSignKey(options: GivenOptions): void {
  for (const key of [...options.list('sign-key'), ...options.list('encrypt-sign-key')]) {
    if (/^(?:0x)?(?:[0-9a-f]{8}|[0-9a-f]{16}|[0-9a-f]{40})$/iu.test(key)) continue;
    if (/[@ ]/u.test(key)) continue;
    throw fatal(
      exitCodes.badSignKey,
      `Sign key should be an 8, 16 alt. 40 character hex string, like 'AA0E73D2'.\nReceived '${key}' instead.`,
    );
  }
}
