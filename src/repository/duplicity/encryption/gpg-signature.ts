import { AppError } from '../../../base/errors.ts';
import type { GpgStatusLines } from './gpg-status.ts';

/** A key that has to have signed: as many last digits of an id or fingerprint as are known, or whole fingerprints. */
export interface WantedSigner {
  /** How the user calls it. */
  readonly name: string;
  readonly endings: readonly string[];
}

/** Digits of an id that says which key it is, if the text is one (8, 16 or 40 digits are usual). */
export function keyDigits(key: string): string | undefined {
  const digits = /^(?:0x)?([0-9a-f]{8,64})!?$/iu.exec(key.replaceAll(' ', ''))?.[1];
  return digits?.toUpperCase();
}

/**
 * What is wrong with the signature of a file; `undefined` if nothing is. Without a wanted key only a signature that is broken counts
 * (docs/formats/duplicity.md 11.3). A key that has expired since is right all the same: archives live longer than keys. A revoked one is not.
 */
export function signatureFailure(
  status: GpgStatusLines,
  wanted: WantedSigner | undefined,
): AppError | undefined {
  if (status.has('BADSIG')) return failure('The signature of the file is wrong', 'bad');
  if (wanted === undefined) return undefined;
  const missing = status.of('NO_PUBKEY').map(([key = '']) => key);
  if (missing.length > 0) {
    return failure(
      `The file is signed by ${missing.join(', ')}, but there is no public key to check that`,
      'unknown-key',
    );
  }
  if (status.has('REVKEYSIG')) {
    return failure('The file is signed by a key that was revoked', 'revoked-key');
  }
  const isGood = status.of('GOODSIG', 'EXPKEYSIG').length > 0;
  // Fingerprints of the key (perhaps a subkey) and of the primary key it belongs to.
  const signers = isGood
    ? status.of('VALIDSIG').flatMap((words) => [words[0] ?? '', words.at(-1) ?? ''])
    : [];
  if (signers.length === 0) return failure('The file is not signed', 'missing');
  if (signers.some((signer) => wanted.endings.some((ending) => isSame(signer, ending)))) {
    return undefined;
  }
  return failure(
    `The file is signed by ${signers[0] ?? ''}, not by the key "${wanted.name}"`,
    'other-key',
  );
}

/** As the real program does it: the digits that both have. */
function isSame(fingerprint: string, ending: string): boolean {
  const digits = Math.min(fingerprint.length, ending.length);
  return digits >= 8 && fingerprint.slice(-digits).toUpperCase() === ending.slice(-digits);
}

function failure(message: string, signature: string): AppError {
  return new AppError('repository/damaged', message, {
    hint: 'Somebody else wrote the file, or another signing key was used for this archive',
    details: { signature },
  });
}
