import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

import type { CallOptions } from '../../../base/call-options.ts';
import { discardLastPiece } from '../../../base/discard-bytes.ts';
import type { Coding, FileCoding } from '../encryption/file-coding.ts';
import type { Spool } from './spool.ts';

/** A file that was encoded, and what is known of it. */
export interface EncodedFile {
  readonly coding: Coding;
  /** Its bytes as they are stored. */
  readonly body: Spool;
  /** The SHA-1 of what the encoder gave, in hex digits. */
  readonly digest: string;
  /** What decoding it must give; undefined if its encoder has looked at that (`ByteEncoder.isReadBack`). */
  readonly plain: PlainSum | undefined;
}

/** Of what was encoded: the CRC-32 of it, which is against faults of this computer, not against anybody. */
export interface PlainSum {
  readonly sum: number;
  readonly length: number;
}

/**
 * Reads a file that was just encoded, and tells whether it holds what went in. If its encoder has looked at its own output, that is left to be compared with what is there now, or to
 * be decrypted, which compares it; else it is decoded.
 */
export async function isWellEncoded(
  file: EncodedFile,
  coding: FileCoding,
  options: CallOptions,
): Promise<boolean> {
  const { plain, body, digest } = file;
  if (plain !== undefined) return decodesTo(plain, file, coding, options);
  if (file.coding === 'openpgp') {
    await coding.checkMessage(body.stream(), options);
    return true;
  }
  const hash = createHash('sha1');
  for await (const piece of body.stream(true)) {
    options.signal?.throwIfAborted();
    hash.update(piece);
  }
  return hash.digest('hex') === digest;
}

async function decodesTo(
  plain: PlainSum,
  { body, coding: as }: EncodedFile,
  coding: FileCoding,
  options: CallOptions,
): Promise<boolean> {
  let sum = 0;
  let length = 0;
  // gunzip is done with what it took when it takes more, and with a buffer when that is full.
  const isTransient = as === 'gzip';
  for await (const piece of coding.decode(body.stream(isTransient), as, options)) {
    sum = crc32(piece, sum);
    length += piece.length;
    if (isTransient) discardLastPiece(piece);
  }
  return length === plain.length && sum === plain.sum;
}
