import { fromHex, toHex } from '../../../base/bytes.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import type { RecordReader } from '../../../codec/binary/record.ts';

export const idSize = 16;
export const hashSize = 32;

/** A required id (16 bytes), in hexadecimal. */
export function idField(record: RecordReader, tag: number): string {
  return toHex(record.exact(tag, idSize));
}

/** A required hash (32 bytes), in hexadecimal. */
export function hashField(record: RecordReader, tag: number): string {
  return toHex(record.exact(tag, hashSize));
}

/** A repeated field of `size` bytes each, in hexadecimal. */
export function hexFields(record: RecordReader, tag: number, size: number): string[] {
  return record.all(tag).map((bytes) => {
    if (bytes.length !== size) throw new MalformedError(`Field ${tag} has a wrong length`);
    return toHex(bytes);
  });
}

/** The bytes of ids or hashes in hexadecimal. */
export function fromHexes(texts: readonly string[]): Uint8Array[] {
  return texts.map(fromHex);
}

/** A required number that must be `expected`, because the name says so and the name alone is not authenticated. */
export function requireNumber(record: RecordReader, tag: number, expected: number): void {
  if (record.number(tag) !== expected) {
    throw new MalformedError('The object belongs under another name');
  }
}

/** A required id that must be `expected`. */
export function requireId(record: RecordReader, tag: number, expected: string): void {
  if (idField(record, tag) !== expected) {
    throw new MalformedError('The object belongs under another name');
  }
}
