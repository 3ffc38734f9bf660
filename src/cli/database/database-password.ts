import { Secret } from '../../base/secret.ts';
import { findPassphrase } from '../passphrase.ts';
import type { CommandSession } from '../session.ts';

/** The password of a database from the flag or the environment; `undefined` if there is none: many servers know their users otherwise. */
export async function findDatabasePassword(
  flags: { readonly 'database-password-file': string | undefined },
  session: CommandSession,
): Promise<Secret | undefined> {
  const file = flags['database-password-file'];
  if (file === undefined) {
    const { HOLDFAST_DATABASE_PASSWORD: text = '' } = session.environment;
    return text === '' ? undefined : new Secret(text);
  }
  return findPassphrase(
    {
      what: 'Database password',
      file,
      command: undefined,
      variables: [],
      repeat: false,
      none: false,
    },
    session,
  );
}
