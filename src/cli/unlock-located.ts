import { AppError, hasCode } from '../base/errors.ts';
import type { Credentials } from '../repository/native/keys/credentials.ts';
import { unlock, type Unlocked, type UnlockOptions } from '../repository/native/keys/unlock.ts';
import { type CredentialsOf, findCredentials } from './credentials.ts';
import type { GlobalFlagValues } from './global-flags.ts';
import type { LocatedDestination } from './locate-destination.ts';
import type { CommandSession } from './session.ts';

export interface UnlockLocatedOptions extends Pick<UnlockOptions, 'memory' | 'onOpening'> {
  readonly whose?: CredentialsOf;
  /** Called when the credentials are there, before the keys are opened with them. */
  readonly onFound?: (credentials: Credentials) => void;
}

/** How often a passphrase may be typed. */
const attempts = 3;

/**
 * Opens the keys of the repository at a place with what the user gives, which on a terminal may be typed again. Throws what `unlock`
 * throws, and `input/usage` for a missing passphrase. One that has none is not opened unasked: somebody could have put it in the place of
 * another, to read what is backed up next.
 */
export async function unlockLocated(
  located: LocatedDestination,
  flags: GlobalFlagValues,
  session: CommandSession,
  { whose = 'main', onFound, ...options }: UnlockLocatedOptions = {},
): Promise<{ readonly unlocked: Unlocked; readonly credentials: Credentials }> {
  const { storage, description, keySlots } = located;
  const { signal, stderr } = session;
  const wantsPassphrase = !flags['recovery-sheet'] && !flags.identity;
  const origin = session.passphraseOrigin(whose);
  const isAsked = origin === 'typed' || origin === 'missing';
  if (wantsPassphrase && isAsked && (await isOpen(located))) {
    throw needsNone(located, 'input/usage');
  }
  for (let attempt = 1; ; attempt++) {
    const credentials = await findCredentials(flags, session, whose, located.stretched);
    onFound?.(credentials);
    try {
      const unlocked = await unlock(storage, credentials, {
        ...options,
        ...(description && { description }),
        keySlots,
        signal,
      });
      return { unlocked, credentials };
    } catch (error) {
      if (!hasCode(error, 'repository/wrong-passphrase') || credentials.kind !== 'passphrase')
        throw error;
      if (await isOpen(located)) throw needsNone(located, error.code, error);
      if (origin !== 'typed' || attempt === attempts) throw error;
      stderr.write('That is not the passphrase; try again\n');
    }
  }
}

async function isOpen({ keySlots }: LocatedDestination): Promise<boolean> {
  return (await keySlots).slots.some(({ kind }) => kind === 'open');
}

function needsNone(
  { name }: LocatedDestination,
  code: AppError['code'],
  cause?: AppError,
): AppError {
  return new AppError(code, `The repository in "${name}" has no passphrase`, {
    cause,
    hint: 'If that is how it was made, say so with --insecure-no-passphrase (HOLDFAST_INSECURE_NO_PASSPHRASE=1): everybody who reaches it can read it',
  });
}
