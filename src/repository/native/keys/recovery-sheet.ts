import { concatBytes, equalBytes, toHex, utf8 } from '../../../base/bytes.ts';
import { AppError } from '../../../base/errors.ts';
import { fromBase32, toBase32 } from '../../../codec/base32.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { requireKey, type KeyRing } from './key-ring.ts';

/** What a recovery sheet says: enough to open the repository if every key slot is gone. */
export interface RecoverySecret {
  readonly root: Uint8Array;
  readonly repositoryId: Uint8Array;
}

const title = 'HOLDFAST-RECOVERY-1';
const checksumSize = 8;
const secretSize = 16 + 32 + checksumSize;
const codeLength = Math.ceil((secretSize * 8) / 5);
const groupLength = 4;
const groupsInLine = 6;

/** The code alone, in one line: `HOLDFAST-RECOVERY-1-ABCD-…`. Throws an `AppError` (`repository/not-permitted`) for other roles than owner. */
export function recoveryCode(ring: KeyRing): string {
  return [title, ...groups(ring)].join('-');
}

/**
 * A page to print and put away (docs/formats/native.md, section 6), with the code as text and as QR code made of block characters.
 * Throws an `AppError` (`repository/not-permitted`) for other roles than owner.
 */
export async function recoverySheet(ring: KeyRing): Promise<string> {
  const { renderUnicodeCompact } = await import('uqr');
  const lines: string[] = [];
  const all = groups(ring);
  for (let start = 0; start < all.length; start += groupsInLine) {
    lines.push(`    ${all.slice(start, start + groupsInLine).join(' ')}`);
  }
  return [
    'Holdfast recovery sheet',
    '',
    `Repository ${toHex(ring.repositoryId)}`,
    'Whoever has this page can read everything in the repository. Keep it where fire and thieves do not come.',
    'To open the repository with it, give Holdfast a file with the lines below.',
    '',
    title,
    ...lines,
    '',
    renderUnicodeCompact(recoveryCode(ring), { ecc: 'M', border: 2 }),
    '',
  ].join('\n');
}

/**
 * Reads a sheet or the code alone, as typed in: what comes before the title, case, spaces, hyphens and line ends do not matter, and the
 * digits 0, 1 and 8 stand for O, I and B. Throws an `AppError` (`input/invalid`) that says what is wrong with it.
 */
export function parseRecoverySheet(text: string): RecoverySecret {
  const heading = /HOLDFAST[\s-]*RECOVERY[\s-]*([0-9]+)(?![0-9])/iu.exec(text);
  if (heading !== null && heading[1] !== '1') {
    throw invalid(`has version ${heading[1] ?? ''}, which this program does not know`);
  }
  const rest = heading === null ? text : text.slice(heading.index + heading[0].length);
  // The QR code and anything else that somebody wrote below is no part of it.
  const typed = rest.toUpperCase().replaceAll(/[\s-]+/gu, '');
  const code = typed
    .slice(0, codeLength)
    .replaceAll('0', 'O')
    .replaceAll('1', 'I')
    .replaceAll('8', 'B');
  if (code.length < codeLength) {
    throw invalid(`is cut off: it has ${code.length} of ${codeLength} characters`);
  }
  let bytes: Uint8Array;
  try {
    bytes = fromBase32(code);
  } catch (error) {
    if (error instanceof MalformedError) throw invalid('has a mistyped character', error);
    throw error;
  }
  const repositoryId = bytes.subarray(0, 16);
  const root = bytes.subarray(16, 48);
  if (!equalBytes(bytes.subarray(48), checksum(repositoryId, root))) {
    throw invalid('has a mistyped character: its checksum is wrong');
  }
  return { repositoryId, root };
}

function groups(ring: KeyRing): string[] {
  const root = requireKey(ring, 'root');
  const secret = concatBytes(ring.repositoryId, root, checksum(ring.repositoryId, root));
  return toBase32(secret).match(new RegExp(`.{1,${groupLength}}`, 'gu')) ?? [];
}

function checksum(repositoryId: Uint8Array, root: Uint8Array): Uint8Array {
  return sha256(utf8('holdfast/1 recovery'), repositoryId, root).subarray(0, checksumSize);
}

function invalid(what: string, cause?: unknown): AppError {
  return new AppError('input/invalid', `The recovery sheet ${what}`, { cause });
}
