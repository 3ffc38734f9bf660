import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { crc32 } from 'node:zlib';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import type { Coding, FileCoding } from '../encryption/file-coding.ts';
import { isWellEncoded } from './encoded-file.ts';
import type { Spool } from './spool.ts';

const PIECE = 1024 * 1024;

/** What encodes a file, and into what. */
export interface EncodeRequest {
  readonly coding: FileCoding;
  readonly as: Coding;
  /** Gets the encoded bytes. */
  readonly body: Spool;
  /** Read it again and compare. */
  readonly verify: boolean;
}

/** Encodes a local file. Throws `internal` when what comes out does not hold what went in. */
export async function encodeFile(
  file: string,
  { coding, as, body, verify }: EncodeRequest,
  options: CallOptions,
): Promise<void> {
  const hash = createHash('sha1');
  let sum = 0;
  let length = 0;
  await using encoder = await coding.encoder(
    as,
    (bytes) => {
      hash.update(bytes);
      body.write(bytes);
    },
    options,
  );
  const isReadBack = encoder.isReadBack === true;
  for await (const piece of createReadStream(file, { highWaterMark: PIECE })) {
    options.signal?.throwIfAborted();
    const bytes = piece as Uint8Array;
    if (!isReadBack) sum = crc32(bytes, sum);
    length += bytes.length;
    await encoder.write(bytes);
  }
  await encoder.finish();
  if (!verify) return;
  const digest = hash.digest('hex');
  const encoded = { coding: as, body, digest, plain: isReadBack ? undefined : { sum, length } };
  if (await isWellEncoded(encoded, coding, options)) return;
  throw new AppError('internal', `What "${file}" was encoded to does not hold what is in it`, {
    hint: 'Test the memory of this computer, then run the backup again',
  });
}
