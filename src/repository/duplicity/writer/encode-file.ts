import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import type { Coding, FileCoding } from '../encryption/file-coding.ts';
import type { Spool } from './spool.ts';

const PIECE = 1024 * 1024;

/** What encodes a file, and into what. */
export interface EncodeRequest {
  readonly coding: FileCoding;
  readonly as: Coding;
  /** Gets the encoded bytes. */
  readonly body: Spool;
  /** Decode again and compare. */
  readonly verify: boolean;
}

/** Encodes a local file. Throws `internal` when what comes out does not decode to what went in. */
export async function encodeFile(
  file: string,
  { coding, as, body, verify }: EncodeRequest,
  options: CallOptions,
): Promise<void> {
  const before = createHash('sha1');
  await using encoder = await coding.encoder(as, (bytes) => void body.write(bytes), options);
  for await (const piece of createReadStream(file, { highWaterMark: PIECE })) {
    options.signal?.throwIfAborted();
    before.update(piece as Uint8Array);
    await encoder.write(piece as Uint8Array);
  }
  await encoder.finish();
  if (!verify) return;
  const after = createHash('sha1');
  for await (const piece of coding.decode(body.stream(), as, options)) after.update(piece);
  if (before.digest('hex') === after.digest('hex')) return;
  throw new AppError('internal', `What "${file}" was encoded to does not hold what is in it`, {
    hint: 'Test the memory of this computer, then run the backup again',
  });
}
