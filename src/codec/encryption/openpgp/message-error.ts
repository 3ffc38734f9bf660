import { AppError } from '../../../base/errors.ts';

/** `what` continues "The OpenPGP message …". */
export function damagedMessage(what: string, cause?: unknown): AppError {
  return new AppError(
    'repository/damaged',
    `The OpenPGP message ${what}`,
    cause === undefined ? {} : { cause },
  );
}

/** For what is proper OpenPGP, but not read in this process; the `gpg` program may know it. */
export function unsupportedMessage(what: string): AppError {
  return new AppError('repository/unsupported', `The OpenPGP message ${what}`);
}

export function wrongPassphrase(): AppError {
  return new AppError('repository/wrong-passphrase', 'The passphrase does not open the file', {
    hint: 'Check the passphrase; it has to be the one this file was encrypted with',
  });
}
