/** Files, signatures and deltas for the tests of librsync's formats. */
import { concatBytes } from '../../src/base/bytes.ts';
import { DeltaMap, DeltaParser } from '../../src/codec/rsync/delta-map.ts';
import { DeltaEncoder } from '../../src/codec/rsync/delta.ts';
import { Signature, SignatureBuilder } from '../../src/codec/rsync/signature.ts';

/** Bytes that differ for every seed, the same on every run. */
export function bytesOf(seed: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let state = seed * 2654435761 + 1;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    out[index] = state >>> 24;
  }
  return out;
}

/** A file with one part replaced by another. */
export interface Edit {
  /** Where, in parts of 1 of the file. */
  readonly at: number;
  readonly removed: number;
  readonly added: number;
}

export function edited(old: Uint8Array, edits: readonly Edit[]): Uint8Array {
  let bytes = old;
  edits.forEach(({ at, removed, added }, index) => {
    const from = Math.floor(at * bytes.length);
    bytes = concatBytes(
      bytes.subarray(0, from),
      bytesOf(bytes.length + index, added),
      bytes.subarray(from + removed),
    );
  });
  return bytes;
}

/** The bytes in pieces of so many, the last one shorter. */
export function* piecesOf(bytes: Uint8Array, length: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

type Parameters = ConstructorParameters<typeof SignatureBuilder>[0];

export function signatureOf(old: Uint8Array, parameters: Parameters): Signature {
  const builder = new SignatureBuilder(parameters);
  builder.update(old);
  return Signature.parse(builder.finish());
}

export function deltaOf(signature: Signature, pieces: Iterable<Uint8Array>): Uint8Array {
  const out: Uint8Array[] = [];
  const encoder = new DeltaEncoder(signature, (piece) => out.push(piece));
  for (const piece of pieces) encoder.update(piece);
  encoder.finish();
  return concatBytes(...out);
}

/** What a delta says, in words; literals are joined, copies not. */
export function commandsOf(delta: Uint8Array): string[] {
  const words: string[] = [];
  let literal = 0;
  const endLiteral = (): void => {
    if (literal > 0) words.push(`literal ${literal}`);
    literal = 0;
  };
  const parser = new DeltaParser({
    copy: (offset, length) => {
      endLiteral();
      words.push(`copy ${offset}+${length}`);
    },
    literal: (bytes) => {
      literal += bytes.length;
    },
  });
  parser.update(delta);
  parser.finish();
  endLiteral();
  return words;
}

/** The new file from the old one, the plain way. */
export function patchedWhole(old: Uint8Array, delta: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  const parser = new DeltaParser({
    copy: (offset, length) => {
      if (offset + length > old.length) throw new RangeError('Copies from outside of the file');
      parts.push(old.subarray(offset, offset + length));
    },
    literal: (bytes) => parts.push(bytes),
  });
  parser.update(delta);
  parser.finish();
  return concatBytes(...parts);
}

/** The map of a delta, and its literals. */
export function mapOf(
  delta: Uint8Array,
  pieceLength = delta.length,
): { map: DeltaMap; literals: Uint8Array } {
  const parts: Uint8Array[] = [];
  const map = new DeltaMap((bytes) => parts.push(bytes));
  const parser = new DeltaParser(map);
  for (const piece of piecesOf(delta, pieceLength)) parser.update(piece);
  parser.finish();
  return { map, literals: concatBytes(...parts) };
}
