import { createReadStream } from 'node:fs';

import type { CallOptions } from '../../../base/call-options.ts';
import { crc32 } from '../../../codec/compression/crc32.ts';
import type { Coding } from '../encryption/file-coding.ts';
import { demandSound, type Inspection } from './encoded-file.ts';
import type { Spool } from './spool.ts';

const PIECE = 1024 * 1024;

/** What encodes a file, and into what. */
export interface EncodeRequest extends Inspection {
  readonly as: Coding;
  /** Gets the encoded bytes. */
  readonly body: Spool;
  /** Read it again and compare. */
  readonly verify: boolean;
}

/** Encodes a local file. Throws `internal` when what comes out does not hold what went in, and `verify` has that looked at. */
export async function encodeFile(
  file: string,
  { coding, thread, as, body, verify }: EncodeRequest,
  options: CallOptions,
): Promise<void> {
  let storedSum = 0;
  let sum = 0;
  let length = 0;
  await using encoder = await coding.encoder(
    as,
    (bytes) => {
      storedSum = crc32(bytes, storedSum);
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
  const plain = isReadBack ? undefined : { sum, length };
  const encoded = { coding: as, body, sum: storedSum, plain };
  await demandSound(`What "${file}" was encoded to`, encoded, { coding, thread }, options);
}
