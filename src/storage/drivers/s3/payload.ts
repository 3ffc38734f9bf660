import { createHash, hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';

import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { type Body, piecesOf } from '../../body.ts';

/** What a server needs to know of a payload to refuse it when it arrives otherwise. */
export interface PayloadChecks {
  /** The value of `x-amz-content-sha256`: the hash in hexadecimal digits, which is part of the signature, or that there is none. */
  readonly sha256: string;
  /** Base64. */
  readonly md5?: string;
  /** Base64, most significant byte first. */
  readonly crc32?: string;
}

export interface WantedChecks {
  /** Instead of the SHA-256. */
  readonly unsigned: boolean;
  readonly md5: boolean;
  readonly crc32: boolean;
}

/** From this size on hashing is left to a thread of its own. */
const large = 256 * 1024;

/** Bytes that are hashed at a time where it cannot be left to another thread. */
const step = 1024 ** 2;

/** The checks of bytes that are in memory. */
export async function checksOf(bytes: Uint8Array, wanted: WantedChecks): Promise<PayloadChecks> {
  return {
    sha256: wanted.unsigned ? 'UNSIGNED-PAYLOAD' : await sha256Of(bytes),
    ...((wanted.md5 || wanted.unsigned) && { md5: hash('md5', bytes, 'base64') }),
    ...(wanted.crc32 && { crc32: base64Of(crc32(bytes)) }),
  };
}

/** The checks of a body that is read once for them, and then once more to be sent. */
export async function checksOfStream(
  name: string,
  body: Body,
  wanted: WantedChecks,
  options: CallOptions,
): Promise<PayloadChecks> {
  const sha256 = wanted.unsigned ? undefined : createHash('sha256');
  const md5 = wanted.md5 || wanted.unsigned ? createHash('md5') : undefined;
  let check = 0;
  for await (const piece of piecesOf(name, body, options)) {
    sha256?.update(piece);
    md5?.update(piece);
    if (wanted.crc32) check = crc32(piece, check);
  }
  return {
    sha256: sha256?.digest('hex') ?? 'UNSIGNED-PAYLOAD',
    ...(md5 && { md5: md5.digest('base64') }),
    ...(wanted.crc32 && { crc32: base64Of(check) }),
  };
}

async function sha256Of(bytes: Uint8Array): Promise<string> {
  if (bytes.byteLength < large) return hash('sha256', bytes, 'hex');
  if (isOwn(bytes)) return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
  // Memory that threads share is not taken there. In steps, so that what else goes on is not held up.
  const hashing = createHash('sha256');
  for (let offset = 0; offset < bytes.byteLength; offset += step) {
    hashing.update(bytes.subarray(offset, offset + step));
    await setImmediate();
  }
  return hashing.digest('hex');
}

function isOwn(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer;
}

function base64Of(check: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(check);
  return bytes.toString('base64');
}
