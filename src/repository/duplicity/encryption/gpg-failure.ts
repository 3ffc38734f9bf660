import { AppError } from '../../../base/errors.ts';
import { failureOf, type ProgramEnd } from '../../../base/process.ts';
import type { GpgStatusLines } from './gpg-status.ts';

/** Codes of libgpg-error. */
const badPassphrase = 11;
const noSecretKey = 17;
const noPassphrase = 177;

/** Why gpg does not take a key (`INV_RECP`, `INV_SGNR` in `doc/DETAILS` of GnuPG). */
const reasons: Readonly<Record<string, string>> = {
  '1': 'it is not in the key ring',
  '2': 'several keys have that name',
  '3': 'it is not meant for that',
  '4': 'it was revoked',
  '5': 'it has expired',
  '9': 'there is no secret key for it',
  '10': 'it is not trusted to belong to its name',
  '13': 'it is disabled',
  '14': 'that is no name of a key',
};

/** Why an encryption failed; `undefined` if it did not. */
export function encryptionFailure(
  program: string,
  status: GpgStatusLines,
  end: ProgramEnd,
  isSigned: boolean,
): AppError | undefined {
  const isComplete =
    end.status === 0 &&
    status.has('END_ENCRYPTION') &&
    (!isSigned || status.has('SIG_CREATED')) &&
    !status.has('INV_RECP');
  if (isComplete) return undefined;
  if (hasAgentFailed(end)) return withoutAgent(program, 'encrypt', end);
  const [recipient] = status.of('INV_RECP');
  if (recipient !== undefined) return unusableKey('encrypt to', recipient, status, end);
  const [signer] = status.of('INV_SGNR');
  if (signer !== undefined) return unusableKey('sign with', signer, status, end);
  if (lacksPassphrase(status)) {
    return new AppError(
      'repository/wrong-passphrase',
      `The passphrase does not open the key that signs${said(end)}`,
      { hint: 'Check the passphrase of the signing key', details: { gpg: true } },
    );
  }
  if (status.errorCodes.includes(noSecretKey)) {
    return new AppError('input/invalid', `There is no secret key to sign with${said(end)}`, {
      hint: 'Import the secret key that signs into the key ring of gpg',
      details: { gpg: true },
    });
  }
  return failed(program, 'encrypt', end);
}

/** Why a decryption failed, signatures aside; `undefined` if everything came and nothing was changed. */
export function decryptionFailure(
  program: string,
  status: GpgStatusLines,
  end: ProgramEnd,
): AppError | undefined {
  if (status.has('BADMDC')) return damaged('was changed after it was encrypted', end);
  if (status.has('DECRYPTION_OKAY') && status.has('GOODMDC')) {
    if (!isOneMessage(status)) return damaged('is not one encrypted message', end);
    return endedWell(status, end) ? undefined : failed(program, 'decrypt', end);
  }
  if (lacksPassphrase(status)) {
    return new AppError(
      'repository/wrong-passphrase',
      `The passphrase does not open the file${said(end)}`,
      {
        hint: 'Check the passphrase; for files encrypted to keys it is that of the secret key',
        details: { gpg: true },
      },
    );
  }
  if (hasAgentFailed(end)) return withoutAgent(program, 'decrypt', end);
  const missing = status.of('NO_SECKEY').map(([key = '']) => key);
  if (missing.length > 0) {
    return new AppError(
      'repository/wrong-passphrase',
      `There is no secret key that opens the file, which is for ${missing.join(', ')}${said(end)}`,
      {
        hint: 'Import the secret key into the key ring of gpg, or let GNUPGHOME point to the right one',
        details: { gpg: true },
      },
    );
  }
  // Also when gpg could not use its agent: then it has not even begun.
  const hasBegun = status.has('BEGIN_DECRYPTION') && status.of('ERROR').length === 0;
  if (hasBegun || status.has('NODATA') || status.has('UNEXPECTED')) {
    return damaged('is cut off, changed, or no encrypted file', end);
  }
  return end.status === 0 ? damaged('is not encrypted', end) : failed(program, 'decrypt', end);
}

/** Plaintext has to come from inside the encryption, and once: anything else could be put before or behind by anybody. */
function isOneMessage(status: GpgStatusLines): boolean {
  let isInside = false;
  let inside = 0;
  let total = 0;
  for (const { keyword } of status.all) {
    if (keyword === 'BEGIN_DECRYPTION') isInside = true;
    if (keyword === 'END_DECRYPTION') isInside = false;
    if (keyword !== 'PLAINTEXT') continue;
    total++;
    if (isInside) inside++;
  }
  return total === 1 && inside === 1;
}

/**
 * gpg also ends with an error when all is well but it has no key to check a signature with, or when it had to try several secret keys: hidden
 * recipients do not say which one it is.
 */
function endedWell(status: GpgStatusLines, end: ProgramEnd): boolean {
  if (end.status !== 2) return end.status === 0;
  const readers = status.of('ENC_TO').map(([key = '']) => key);
  const hasTried = readers.length > 1 || readers.some((key) => /^0+$/u.test(key));
  return hasTried || (status.has('ERRSIG') && status.has('NO_PUBKEY'));
}

function lacksPassphrase(status: GpgStatusLines): boolean {
  const codes = status.errorCodes;
  return (
    codes.includes(badPassphrase) ||
    codes.includes(noPassphrase) ||
    status.has('BAD_PASSPHRASE') ||
    status.has('MISSING_PASSPHRASE')
  );
}

/** There is no status line for it. In other languages than English the hint is less to the point, no more. */
function hasAgentFailed({ lastWords }: ProgramEnd): boolean {
  return /^gpg: .*(?:pinentry mode|connect to the agent|with the agent|agent running|ioctl)/mu.test(
    lastWords,
  );
}

function withoutAgent(program: string, what: string, end: ProgramEnd): AppError {
  return new AppError(
    'process/failed',
    `"${program}" could not ${what}, because its agent did not help${said(end)}`,
    {
      hint: 'Check gpg-agent: it has to run, to allow "--pinentry-mode=loopback", or to have a pinentry it can ask with',
      details: { gpg: true },
    },
  );
}

function unusableKey(
  what: string,
  [reason = '', ...name]: readonly string[],
  status: GpgStatusLines,
  end: ProgramEnd,
): AppError {
  const isPerhapsExpired = status.has('KEYEXPIRED') && (reason === '0' || reason === '1');
  const known = isPerhapsExpired
    ? 'it has expired or is not in the key ring'
    : (reasons[reason] ?? 'it is not known or cannot be used');
  const key = name.length === 0 ? 'The key' : `The key "${name.join(' ')}"`;
  return new AppError('input/invalid', `${key} cannot be used to ${what}: ${known}${said(end)}`, {
    hint:
      reason === '10'
        ? 'Sign the key or set its trust with "gpg --edit-key", or pass the option "--trust-model=always" to gpg'
        : 'Look at the keys with "gpg --list-keys" and "gpg --list-secret-keys"',
    details: { gpg: true, key: name.join(' ') },
  });
}

function damaged(what: string, end: ProgramEnd): AppError {
  return new AppError('repository/damaged', `The OpenPGP message ${what}${said(end)}`, {
    details: { gpg: true },
  });
}

function failed(program: string, what: string, end: ProgramEnd): AppError {
  const reason = failureOf(end) ?? `it did not ${what} everything${said(end)}`;
  return new AppError('process/failed', `"${program}" could not ${what}: ${reason}`, {
    hint: 'Try the same key and passphrase with gpg itself',
    details: { gpg: true },
  });
}

function said({ lastWords }: ProgramEnd): string {
  return lastWords === ''
    ? ''
    : ` (gpg: ${lastWords.replaceAll('\n', '; ').replaceAll('gpg: ', '')})`;
}
