import { concatBytes, equalBytes, utf8 } from '../../base/bytes.ts';
import { AppError } from '../../base/errors.ts';
import { MalformedError } from '../binary/byte-reader.ts';

/** Types of binary objects and their numbers in the header (docs/formats/native.md, section 2). */
const objectTypes = {
  pack: 1,
  index: 2,
  settings: 3,
  host: 4,
  final: 5,
  seal: 6,
  forget: 7,
  pending: 8,
  tombstone: 9,
  audit: 10,
  key: 11,
} as const;

export type ObjectType = keyof typeof objectTypes;

export const headerSize = 12;

const magic = utf8('HOLDFAST');
const version = 1;
const suite = 1;

/** The 12 bytes at the start of every binary object. `extra` is byte 11: the number of slots of a pack, the kind of a key slot. */
export function encodeHeader(type: ObjectType, extra = 0): Uint8Array {
  return concatBytes(magic, Uint8Array.of(objectTypes[type], version, suite, extra));
}

/**
 * Checks the header of an object of type `type` and gives byte 11. Throws a `MalformedError` if it is not one, and an `AppError`
 * (`repository/unsupported`) if a newer program wrote it.
 */
export function decodeHeader(bytes: Uint8Array, type: ObjectType): number {
  if (bytes.length < headerSize) throw new MalformedError('Cut off');
  if (!equalBytes(bytes.subarray(0, magic.length), magic)) {
    throw new MalformedError('Not an object of Holdfast');
  }
  const [foundType = 0, foundVersion = 0, foundSuite = 0, extra = 0] = bytes.subarray(magic.length);
  if (foundType !== objectTypes[type]) {
    throw new MalformedError(`Object of type ${foundType} where "${type}" belongs`);
  }
  if (foundVersion !== version || foundSuite !== suite) {
    throw new AppError(
      'repository/unsupported',
      `An object of type "${type}" has version ${foundVersion} and suite ${foundSuite}, which this program does not know`,
      { hint: 'Use a newer version of Holdfast' },
    );
  }
  return extra;
}
