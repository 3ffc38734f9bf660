import { AppError } from '../../base/errors.ts';
import type { Secret } from '../../base/secret.ts';

/** A URL of PostgreSQL as it may be shown: without password and options. Throws `input/invalid` for what is none. */
export function shownPostgresUrl(url: Secret): string {
  const parsed = URL.parse(url.reveal());
  if (parsed === null || !['postgres:', 'postgresql:'].includes(parsed.protocol)) {
    throw new AppError('input/invalid', 'The URL of the database makes no sense', {
      hint: 'Write postgresql://user:password@host:5432/name; special characters in the password are written as %40',
    });
  }
  const user = parsed.username === '' ? '' : `${parsed.username}@`;
  const host = parsed.host === '' ? (parsed.searchParams.get('host') ?? '') : parsed.host;
  return `postgresql://${user}${host}${parsed.pathname}`;
}
