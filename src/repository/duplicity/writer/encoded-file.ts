import type { CallOptions } from '../../../base/call-options.ts';
import { discardLastPiece } from '../../../base/discard-bytes.ts';
import { AppError } from '../../../base/errors.ts';
import { crc32 } from '../../../codec/compression/crc32.ts';
import type { Coding, FileCoding } from '../encryption/file-coding.ts';
import { sumDigits } from '../inspection/digests.ts';
import { GrowingDigests } from '../inspection/growing-digests.ts';
import type { InspectThread } from '../inspection/inspect-thread.ts';
import type { Spool } from './spool.ts';

/** A file that was encoded, and what is known of it. */
export interface EncodedFile {
  readonly coding: Coding;
  /** Its bytes as they are stored. */
  readonly body: Spool;
  /** The CRC-32 of what the encoder gave. */
  readonly sum: number;
  /** What decoding it must give; undefined if its encoder has looked at that (`ByteEncoder.isReadBack`). */
  readonly plain: PlainSum | undefined;
}

/** Of what was encoded: the CRC-32 of it, which is against faults of this computer, not against anybody. */
export interface PlainSum {
  readonly sum: number;
  readonly length: number;
}

/** What encoded files are decoded with, and where. */
export interface Inspection {
  readonly coding: FileCoding;
  readonly thread: InspectThread;
}

/** Says so if a file that was just encoded does not hold what went in: `internal`. `what` is it, in a sentence. */
export async function demandSound(
  what: string,
  file: EncodedFile,
  inspection: Inspection,
  options: CallOptions,
): Promise<void> {
  if (!(await isWellEncoded(file, inspection, options))) throw notSound(what);
}

/** What is said then. */
export function notSound(what: string): AppError {
  return new AppError('internal', `${what} does not hold what was put into it; it was not stored`, {
    hint: 'Test the memory of this computer, then run the backup again',
  });
}

/**
 * Reads a file that was just encoded, and tells whether it holds what went in. If its encoder has looked at its own output, that is left to be compared with what is there now, or to
 * be decrypted, which compares it; else it is decoded.
 */
export async function isWellEncoded(
  file: EncodedFile,
  { coding, thread }: Inspection,
  options: CallOptions,
): Promise<boolean> {
  const { plain, body, sum } = file;
  if (plain !== undefined) return decodesTo(plain, file, coding, options);
  const part = body.partFrom(0);
  if (file.coding === 'openpgp') {
    const { passphrase } = coding;
    if (part === undefined || passphrase === undefined)
      await coding.checkMessage(body.stream(), options);
    else await thread.checkMessage(part, passphrase, options);
    return true;
  }
  using digests = new GrowingDigests(['CRC32'], thread);
  if (part !== undefined) digests.add(part);
  const found = await digests.found(body.inMemory, options);
  return found.get('CRC32') === sumDigits(sum);
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
