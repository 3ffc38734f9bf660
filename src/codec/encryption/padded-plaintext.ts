import { ByteReader, MalformedError } from '../binary/byte-reader.ts';
import { padme } from '../padme.ts';
import { maximumPiece, pieceOverhead, type PieceOpener, type PieceSealer } from './piece-cipher.ts';

/** How far a plaintext is filled up: to a multiple of so many bytes, or to PADMÉ. */
export type Padding = number | 'padme';

const lengthSize = 4;

/** The sealed length of a body of `length` bytes. */
export function sealedBodyLength(length: number, padding: Padding): number {
  const padded = paddedLength(length, padding);
  return padded + Math.ceil(padded / maximumPiece) * pieceOverhead;
}

/** `u32 n ‖ body ‖ zeros`, cut into pieces of 4 MiB and sealed one after the other (docs/formats/native.md, section 4). */
export function sealBody(sealer: PieceSealer, body: Uint8Array, padding: Padding): Uint8Array {
  const plaintext = new Uint8Array(paddedLength(body.length, padding));
  new DataView(plaintext.buffer).setUint32(0, body.length, true);
  plaintext.set(body, lengthSize);
  const sealed = new Uint8Array(sealedBodyLength(body.length, padding));
  let offset = 0;
  for (let start = 0; start < plaintext.length; start += maximumPiece) {
    offset += sealer.sealInto(plaintext.subarray(start, start + maximumPiece), sealed, offset);
  }
  return sealed;
}

/**
 * The body that `sealBody` sealed; `first` is the number of its first piece. Throws a `MalformedError` unless every byte is authentic
 * and the padding is zero.
 */
export function openBody(opener: PieceOpener, sealed: Uint8Array, first = 0): Uint8Array {
  const stride = maximumPiece + pieceOverhead;
  const count = Math.ceil(sealed.length / stride);
  const plaintext = new Uint8Array(Math.max(0, sealed.length - count * pieceOverhead));
  for (let piece = 0; piece < count; piece++) {
    const stored = sealed.subarray(piece * stride, (piece + 1) * stride);
    plaintext.set(opener.open(first + piece, stored), piece * maximumPiece);
  }
  const reader = new ByteReader(plaintext);
  const body = reader.raw(reader.u32());
  if (reader.raw(reader.remaining).some((byte) => byte !== 0)) {
    throw new MalformedError('Padding is not zero');
  }
  return body;
}

function paddedLength(length: number, padding: Padding): number {
  const needed = length + lengthSize;
  return padding === 'padme' ? padme(needed) : Math.ceil(needed / padding) * padding;
}
