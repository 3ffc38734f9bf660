import { ByteReader, MalformedError } from '../../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import { RecordReader, RecordWriter } from '../../../codec/binary/record.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { idSize, maximumBlob } from '../content/content-list.ts';
import type { BlobType } from '../content/blob-id.ts';

/** A pack's table of contents (native.md, section 8). */
export type PackKind = 'data' | 'meta';

export const codecs = { stored: 0, zstd: 1 } as const;

export interface TableBlob {
  readonly type: BlobType;
  readonly rawLength: number;
  readonly id: Uint8Array;
}

export interface TableSegment {
  /** Which slot of the pack opens it, and its number under that slot's key. */
  readonly slot: number;
  readonly number: number;
  /** Bytes in the pack, the tag included. */
  readonly storedLength: number;
  readonly rawLength: number;
  readonly codec: number;
  /** None: padding. */
  readonly blobs: readonly TableBlob[];
}

/** Where a copied slot came from. */
export interface SlotOrigin {
  readonly slot: number;
  readonly pack: Uint8Array;
  readonly signer: Uint8Array;
}

export interface PackTable {
  readonly kind: PackKind;
  readonly signer: Uint8Array;
  readonly runId: Uint8Array;
  readonly headHash: Uint8Array;
  readonly bodyHash: Uint8Array;
  readonly origins: readonly SlotOrigin[];
  readonly segments: readonly TableSegment[];
}

const tag = {
  kind: 1,
  signer: 2,
  runId: 3,
  headHash: 4,
  bodyHash: 5,
  origin: 6,
  segments: 7,
  extensions: 9,
} as const;
const knownTags = Object.values(tag);
const kindNumbers = { data: 1, meta: 2 } as const;

/** The record, without extensions: what index objects hold and verdicts are about. */
export function encodePackTable(table: PackTable): Uint8Array {
  const segments = new ByteWriter(4096).varint(table.segments.length);
  for (const segment of table.segments) {
    segments
      .varint(segment.slot)
      .varint(segment.number)
      .varint(segment.storedLength)
      .varint(segment.rawLength)
      .u8(segment.codec)
      .varint(segment.blobs.length);
    for (const blob of segment.blobs) segments.varint(blob.rawLength * 4 + blob.type).raw(blob.id);
  }
  return new RecordWriter()
    .number(tag.kind, kindNumbers[table.kind])
    .field(tag.signer, table.signer)
    .field(tag.runId, table.runId)
    .field(tag.headHash, table.headHash)
    .field(tag.bodyHash, table.bodyHash)
    .fields(
      tag.origin,
      table.origins.map((origin) =>
        new ByteWriter(64).varint(origin.slot).raw(origin.pack).raw(origin.signer).take(),
      ),
    )
    .field(tag.segments, segments.view())
    .take();
}

/** What stands in a table before the segments: cheap to read when only the signer counts. */
export interface TableHead extends Omit<PackTable, 'segments'> {
  /** The encoded segments. */
  readonly segmentBytes: Uint8Array;
}

export function decodeTableHead(bytes: Uint8Array): TableHead {
  const record = new RecordReader(bytes, knownTags);
  const kind = record.number(tag.kind);
  if (kind !== kindNumbers.data && kind !== kindNumbers.meta) {
    throw new MalformedError('Unknown kind of pack');
  }
  return {
    kind: kind === kindNumbers.data ? 'data' : 'meta',
    signer: record.exact(tag.signer, 16),
    runId: record.exact(tag.runId, 16),
    headHash: record.exact(tag.headHash, 32),
    bodyHash: record.exact(tag.bodyHash, 32),
    origins: record.all(tag.origin).map((value) => {
      const reader = new ByteReader(value);
      const origin = { slot: reader.varint(), pack: reader.raw(32), signer: reader.raw(16) };
      reader.end();
      return origin;
    }),
    segmentBytes: record.required(tag.segments),
  };
}

/** Decodes a table whole. Throws a `MalformedError` on anything that does not add up. */
export function decodePackTable(bytes: Uint8Array): PackTable {
  const { segmentBytes, ...head } = decodeTableHead(bytes);
  const reader = new ByteReader(segmentBytes);
  const segments: TableSegment[] = [];
  const count = reader.varint();
  for (let index = 0; index < count; index++) segments.push(readSegment(reader, head.kind));
  reader.end();
  return { ...head, segments };
}

/**
 * Calls `visit` for every blob of a table in order, with the place of its id in `bytes`: for loading an index, without an object a blob.
 * Gives the number of blobs.
 */
export function visitTableBlobs(
  head: TableHead,
  visit: (
    bytes: Uint8Array,
    idOffset: number,
    ordinal: number,
    type: number,
    rawLength: number,
  ) => void,
): number {
  const bytes = head.segmentBytes;
  const reader = new ByteReader(bytes);
  let ordinal = 0;
  const count = reader.varint();
  for (let index = 0; index < count; index++) {
    for (let field = 0; field < 4; field++) reader.varint();
    reader.u8();
    const blobs = reader.varint();
    for (let blob = 0; blob < blobs; blob++) {
      const word = reader.varint();
      const offset = reader.offset;
      reader.raw(idSize);
      visit(bytes, offset, ordinal++, word % 4, Math.floor(word / 4));
    }
  }
  return ordinal;
}

/** What a verdict about a pack names besides the pack: the SHA-256 of its table without extensions. */
export function tableHash(record: Uint8Array): Uint8Array {
  return sha256(record);
}

function readSegment(reader: ByteReader, kind: PackKind): TableSegment {
  const slot = reader.varint();
  const number = reader.varint();
  const storedLength = reader.varint();
  const rawLength = reader.varint();
  const codec = reader.u8();
  if (rawLength > maximumBlob) throw new MalformedError('Segment too long');
  const blobCount = reader.varint();
  const blobs: TableBlob[] = [];
  let total = 0;
  for (let index = 0; index < blobCount; index++) {
    const word = reader.varint();
    const type = word % 4;
    const length = Math.floor(word / 4);
    if (type === 0 || (type === 1) !== (kind === 'data')) {
      throw new MalformedError('Blob in a pack of the other kind');
    }
    blobs.push({ type: type as BlobType, rawLength: length, id: reader.raw(idSize) });
    total += length;
  }
  if (blobCount > 0 && total !== rawLength) throw new MalformedError('Segment does not add up');
  return { slot, number, storedLength, rawLength, codec, blobs };
}
