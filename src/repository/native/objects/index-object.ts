import { toHex } from '../../../base/bytes.ts';
import { ByteReader, MalformedError } from '../../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import { RecordReader, RecordWriter } from '../../../codec/binary/record.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { padme } from '../../../codec/padme.ts';
import { fromHexes, hashSize, hexFields } from './field-values.ts';
import { indexName } from './object-name.ts';
import { noObjectId } from './signed-body.ts';
import {
  decodeNamed,
  openSigned,
  sealSigned,
  type NamedObject,
  type Signed,
  type Signing,
  type Verifying,
} from './signed-object.ts';

/** What an index object says of one pack. */
export interface IndexedPack {
  /** SHA-256 of the pack, 32 bytes: its name. */
  readonly name: Uint8Array;
  /** Of the pack, in bytes. */
  readonly size: number;
  /** Its table's record without extensions. */
  readonly table: Uint8Array;
}

/** Copies of the tables of packs (docs/formats/native.md, section 9). */
export interface IndexObject {
  readonly packs: readonly IndexedPack[];
  /** Hashes of the index objects that this one replaces, in hexadecimal. */
  readonly supersedes: readonly string[];
}

/** No index object is larger, in bytes. */
export const maximumIndexObject = 8 * 1024 * 1024;

const tags = [1, 2] as const;
/** Header, salt, commitment, tags of the pieces, signature and lengths, generously. */
const overhead = 512;

/**
 * One object of all the packs; see `splitIndex` for what fits. Throws a `RangeError` if it would be larger than `maximumIndexObject`.
 */
export function encodeIndexObject(index: IndexObject, signing: Signing): NamedObject {
  const record = new RecordWriter()
    .fields(1, index.packs.map(encodePack))
    .fields(2, fromHexes(index.supersedes))
    .take();
  const bytes = sealSigned('index', noObjectId, record, signing, 'padme');
  if (bytes.length > maximumIndexObject) throw new RangeError('Index object too large');
  return { name: indexName(toHex(sha256(bytes))), bytes };
}

/**
 * Divides packs into lists that each fit into one index object, in order. The names of replaced objects go into the last list, so that
 * nothing is replaced before all of its content is there: publish in order. Gives nothing for nothing.
 */
export function splitIndex({ packs, supersedes }: IndexObject): IndexObject[] {
  const lists: IndexObject[] = [];
  const reserve = overhead + supersedes.length * (hashSize + 2);
  let list: IndexedPack[] = [];
  let length = reserve;
  for (const pack of packs) {
    const needed = pack.table.length + 64;
    if (list.length > 0 && padme(length + needed) + overhead > maximumIndexObject) {
      lists.push({ packs: list, supersedes: [] });
      list = [];
      length = reserve;
    }
    list.push(pack);
    length += needed;
  }
  if (list.length > 0 || supersedes.length > 0) lists.push({ packs: list, supersedes });
  return lists;
}

/**
 * Throws an `AppError` (`repository/damaged`) unless a known host signed exactly these bytes and the name is their hash. Which packs the
 * signer may speak for is for the caller to compare with their tables. Arrays are views into one copy of the object.
 */
export function decodeIndexObject(
  name: string,
  bytes: Uint8Array,
  verifying: Verifying,
): Signed<IndexObject> {
  return decodeNamed(name, 'index', ({ hash }) => {
    if (bytes.length > maximumIndexObject) throw new MalformedError('Too large');
    if (toHex(sha256(bytes)) !== hash) throw new MalformedError('Bytes and name do not agree');
    const { record, signer } = openSigned('index', noObjectId, bytes, verifying);
    const reader = new RecordReader(record, tags);
    const value: IndexObject = {
      packs: reader.all(1).map(decodePack),
      supersedes: hexFields(reader, 2, hashSize),
    };
    return { value, signer };
  });
}

function encodePack({ name, size, table }: IndexedPack): Uint8Array {
  return new ByteWriter(table.length + 64).raw(name).varint(size).bytes(table).take();
}

function decodePack(bytes: Uint8Array): IndexedPack {
  const reader = new ByteReader(bytes);
  const pack: IndexedPack = {
    name: reader.raw(hashSize),
    size: reader.varint(),
    table: reader.bytes(),
  };
  reader.end();
  return pack;
}
