import type { CallOptions } from '../../base/call-options.ts';
import { type Body, piecesOf } from '../body.ts';

/** A part of a body in one array. */
export interface BodyFragment {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * The body in fragments of exactly `size` bytes, the last one smaller; an empty body has none. Arrays are not copied; of a stream one fragment
 * is held at a time, and the array is used again for the next one. Throws like `piecesOf`, before the last fragment is given.
 */
export async function* fragmentsOf(
  name: string,
  body: Body,
  size: number,
  options: CallOptions = {},
): AsyncGenerator<BodyFragment, void, undefined> {
  if (body instanceof Uint8Array) {
    for (let offset = 0; offset < body.byteLength; offset += size) {
      options.signal?.throwIfAborted();
      yield { offset, bytes: body.subarray(offset, offset + size) };
    }
    return;
  }
  const buffer = Buffer.allocUnsafeSlow(Math.min(size, body.size));
  let offset = 0;
  let filled = 0;
  for await (const piece of piecesOf(name, body, options)) {
    for (let at = 0; at < piece.byteLength;) {
      // A full fragment is kept back until more comes: a body that is too long must fail before its end is sent.
      if (filled === buffer.byteLength) {
        yield { offset, bytes: buffer };
        offset += filled;
        filled = 0;
      }
      const part = piece.subarray(at, at + buffer.byteLength - filled);
      buffer.set(part, filled);
      filled += part.byteLength;
      at += part.byteLength;
    }
  }
  if (filled > 0) yield { offset, bytes: buffer.subarray(0, filled) };
}

/** A body in one array; a stream is read into a new one. */
export async function wholeBody(
  name: string,
  body: Body,
  options: CallOptions = {},
): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body;
  const bytes = new Uint8Array(body.size);
  let filled = 0;
  for await (const piece of piecesOf(name, body, options)) {
    bytes.set(piece, filled);
    filled += piece.byteLength;
  }
  return bytes;
}
