import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { AppError } from '../base/errors.ts';
import { fileReason } from '../base/file-reason.ts';
import { Secret } from '../base/secret.ts';
import type { Credentials } from '../repository/native/keys/credentials.ts';
import type { StretchedAhead } from '../repository/native/keys/stretched-ahead.ts';
import type { FirstProtection } from '../repository/native/keys/initialise.ts';
import type { GlobalFlagValues } from './global-flags.ts';
import type { CommandSession } from './session.ts';

/** Whose passphrase is asked for: the repository's, or that of the one that `copy` reads. */
export type CredentialsOf = 'main' | 'from';

/** What the user opens a repository with; asks for the passphrase if nothing else is given. */
export async function findCredentials(
  flags: GlobalFlagValues,
  session: CommandSession,
  whose: CredentialsOf = 'main',
  ahead?: StretchedAhead,
): Promise<Credentials> {
  const { identity } = flags;
  // A sheet opens one repository; of two it is the one that is read.
  const isSheetForOther = whose === 'main' && 'from-passphrase-file' in flags;
  const sheet = isSheetForOther ? undefined : flags['recovery-sheet'];
  if (sheet !== undefined && identity !== undefined) {
    throw new AppError('input/usage', '"--recovery-sheet" and "--identity" exclude each other');
  }
  if (sheet !== undefined) {
    const { parseRecoverySheet } = await import('../repository/native/keys/recovery-sheet.ts');
    return {
      kind: 'recovery',
      ...parseRecoverySheet(await textOf(sheet, 'the recovery sheet', session)),
    };
  }
  if (identity !== undefined) {
    const text = await textOf(identity, 'the age identity', session);
    return { kind: 'identity', identityFile: new Secret(text) };
  }
  if (flags['insecure-no-passphrase']) return { kind: 'none' };
  const passphrase = await (whose === 'from' ? session.fromPassphrase() : session.passphrase());
  return { kind: 'passphrase', passphrase, ahead };
}

/** What a new repository will be opened with; a passphrase is asked for twice. */
export async function findFirstProtection(
  flags: GlobalFlagValues,
  session: CommandSession,
): Promise<FirstProtection> {
  if (flags['recovery-sheet'] !== undefined || flags.identity !== undefined) {
    throw new AppError('input/usage', 'A new repository is made with a passphrase', {
      hint: 'Make it without "--recovery-sheet" and "--identity"; "holdfast key add" adds other keys',
    });
  }
  if (flags['insecure-no-passphrase']) return { kind: 'open' };
  return { kind: 'passphrase', passphrase: await session.passphrase({ create: true }) };
}

async function textOf(
  file: string,
  what: string,
  { workingDirectory, signal }: CommandSession,
): Promise<string> {
  try {
    return await readFile(path.resolve(workingDirectory, file), { encoding: 'utf8', signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new AppError('input/invalid', `Cannot read ${what} in "${file}": ${fileReason(cause)}`, {
      cause,
    });
  }
}
