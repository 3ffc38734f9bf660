import { AppError } from '../../../base/errors.ts';

/** What the user is told when a token is refused. */
export function refusedCredentials(who: string, url: string, hint?: string): AppError {
  return new AppError(
    'storage/access-denied',
    `"${new URL(url).host}" does not accept the credentials of "${who}"`,
    {
      hint: hint ?? 'Look at user and password, and at what they are for: account, project, domain',
    },
  );
}

/** What is at the address that was given gives no tokens. */
export function wrongAddress(url: string, status: number): AppError {
  const { origin, pathname } = new URL(url);
  return new AppError(
    'storage/access-denied',
    `No tokens are given at "${origin}${pathname}" (status ${status})`,
    {
      hint: 'Look at the option "auth-url": Keystone\'s ends with /v3 or /v2.0, that of TempAuth with /auth/v1.0; "auth-version" says which it is',
      details: { status },
    },
  );
}
