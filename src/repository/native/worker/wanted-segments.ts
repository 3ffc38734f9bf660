import { ByteReader } from '../../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import type { BlobType } from '../content/blob-id.ts';
import { idSize } from '../content/content-list.ts';

/** A blob that is wanted of a segment, and the numbers of its uses. */
export interface WantedBlob {
  /** In the segment. */
  readonly offset: number;
  readonly length: number;
  readonly type: BlobType;
  readonly id: Uint8Array;
  readonly uses: readonly number[];
}

export interface WantedSegment {
  readonly slot: number;
  readonly number: number;
  /** In the bytes that were read. */
  readonly offset: number;
  readonly storedLength: number;
  readonly rawLength: number;
  readonly codec: number;
  readonly blobs: readonly WantedBlob[];
}

/** As one array of bytes, because posting many small objects costs more than opening what they describe. */
export function encodeWanted(segments: readonly WantedSegment[]): Uint8Array {
  const out = new ByteWriter(16 * 1024).varint(segments.length);
  for (const segment of segments) {
    out
      .varint(segment.slot)
      .varint(segment.number)
      .varint(segment.offset)
      .varint(segment.storedLength)
      .varint(segment.rawLength)
      .u8(segment.codec)
      .varint(segment.blobs.length);
    for (const { offset, length, type, id, uses } of segment.blobs) {
      out.varint(offset).varint(length).u8(type).raw(id).varint(uses.length);
      for (const use of uses) out.varint(use);
    }
  }
  return out.take();
}

export function decodeWanted(bytes: Uint8Array): WantedSegment[] {
  const reader = new ByteReader(bytes);
  const list = <Item>(read: () => Item): Item[] => {
    const items: Item[] = [];
    for (let left = reader.varint(); left > 0; left--) items.push(read());
    return items;
  };
  const blob = (): WantedBlob => ({
    offset: reader.varint(),
    length: reader.varint(),
    type: reader.u8() as BlobType,
    id: reader.raw(idSize),
    uses: list(() => reader.varint()),
  });
  return list(() => ({
    slot: reader.varint(),
    number: reader.varint(),
    offset: reader.varint(),
    storedLength: reader.varint(),
    rawLength: reader.varint(),
    codec: reader.u8(),
    blobs: list(blob),
  }));
}
