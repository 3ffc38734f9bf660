import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import type { FileCoding } from '../encryption/file-coding.ts';

/** Whether what is written can be read here: not where only public keys are. Where gpg does it, that is found out by doing it. */
export async function canReadBack(coding: FileCoding, options: CallOptions): Promise<boolean> {
  if (coding.coding !== 'openpgp' || coding.passphrase !== undefined) return true;
  const pieces: Uint8Array[] = [];
  {
    await using encoder = await coding.encoder(
      'openpgp',
      (piece) => void pieces.push(piece),
      options,
    );
    await encoder.write(new Uint8Array(1));
    await encoder.finish();
  }
  try {
    for await (const piece of coding.decode(streamed(pieces), 'openpgp', options)) void piece;
    return true;
  } catch (error) {
    if (hasCode(error, 'repository/wrong-passphrase')) return false;
    throw error;
  }
}

async function* streamed(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}
