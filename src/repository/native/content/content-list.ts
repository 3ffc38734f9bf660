import { ByteReader, MalformedError } from '../../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';

/** Blob ids are 32 bytes. */
export const idSize = 32;
/** No blob and no chunk is longer. */
export const maximumBlob = 4 * 1024 * 1024;
/** A list up to this many bytes stands where it is used; a longer one becomes list blobs. */
export const inlineList = 2048;
const maximumDepth = 4;

/** A piece of a file: a blob, or a hole where `id` is undefined (native.md, section 7.3). */
export interface ContentItem {
  readonly length: number;
  readonly id: Uint8Array | undefined;
}

/** Where the content of a file or a directory is: an encoded list, behind `depth` levels of list blobs. */
export interface ContentReference {
  readonly depth: number;
  readonly list: Uint8Array;
}

export function writeContentItem(
  out: ByteWriter,
  length: number,
  id: Uint8Array | undefined,
): void {
  out.varint(length * 2 + (id === undefined ? 1 : 0));
  if (id !== undefined) out.raw(id);
}

/** Decodes a list; ids are views into it. Throws a `MalformedError`. */
export function readContentList(list: Uint8Array): ContentItem[] {
  const reader = new ByteReader(list);
  const items: ContentItem[] = [];
  let afterHole = false;
  while (reader.remaining > 0) {
    const word = reader.varint();
    const length = Math.floor(word / 2);
    const hole = word % 2 === 1;
    if (length === 0 || (!hole && length > maximumBlob) || (hole && afterHole)) {
      throw new MalformedError('Impossible item in a content list');
    }
    items.push({ length, id: hole ? undefined : reader.raw(idSize) });
    afterHole = hole;
  }
  return items;
}

/** Bytes in the blobs of a list: its content without the holes. */
export function blobBytes(list: Uint8Array): number {
  const reader = new ByteReader(list);
  let bytes = 0;
  while (reader.remaining > 0) {
    const word = reader.varint();
    if (word % 2 === 1) continue;
    bytes += word / 2;
    reader.skip(idSize);
  }
  return bytes;
}

export function encodeReference({ depth, list }: ContentReference): Uint8Array {
  return new ByteWriter(list.length + 8).varint(depth).bytes(list).take();
}

export function decodeReference(bytes: Uint8Array): ContentReference {
  const reader = new ByteReader(bytes);
  const depth = reader.varint();
  if (depth > maximumDepth) throw new MalformedError('Content list too deep');
  const list = reader.bytes();
  reader.end();
  return { depth, list };
}
