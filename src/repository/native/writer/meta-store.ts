import { concatBytes } from '../../../base/bytes.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import { GearChunker } from '../../../codec/chunker/gear-chunker.ts';
import type { ChunkerParameters } from '../../../codec/chunker/parameters.ts';
import { blobType, type BlobType } from '../content/blob-id.ts';
import {
  idSize,
  inlineList,
  maximumBlob,
  writeContentItem,
  type ContentReference,
} from '../content/content-list.ts';
import type { BlobPacker } from '../packs/blob-packer.ts';

/** A reference, and every blob id in it and behind it. */
export interface StoredReference {
  readonly reference: ContentReference;
  /** Joined, 32 bytes each. */
  readonly ids: Uint8Array;
}

/** Stores what is not file content: directories, and content lists that are too long to stand where they are used (native.md, 7.3 and 7.4). */
export class MetaStore {
  readonly #packer: BlobPacker;
  readonly #parameters: ChunkerParameters;
  readonly #chunkKey: Uint8Array;
  #chunker: GearChunker | undefined;

  constructor(packer: BlobPacker, parameters: ChunkerParameters, chunkKey: Uint8Array) {
    this.#packer = packer;
    this.#parameters = parameters;
    this.#chunkKey = chunkKey;
  }

  /** Stores the bytes of a directory. */
  storeTree(bytes: Uint8Array): StoredReference {
    if (bytes.length > maximumBlob) return this.storeList(this.#storeCut(blobType.tree, bytes));
    const id = this.#packer.add(blobType.tree, bytes);
    const list = new ByteWriter(48);
    writeContentItem(list, bytes.length, id);
    return { reference: { depth: 0, list: list.take() }, ids: id };
  }

  /** A reference to a content list: the list itself, or list blobs if it is long. */
  storeList(list: Uint8Array): StoredReference {
    if (list.length <= inlineList) return { reference: { depth: 0, list }, ids: idsOf(list) };
    const current = this.#storeCut(blobType.list, list);
    const { reference, ids } = this.storeList(current);
    return {
      reference: { ...reference, depth: reference.depth + 1 },
      ids: concatBytes(idsOf(list), ids),
    };
  }

  /** Cuts bytes by content, stores the parts, and gives the list of them. */
  #storeCut(type: BlobType, bytes: Uint8Array): Uint8Array {
    this.#chunker ??= new GearChunker(this.#parameters, this.#chunkKey, 2 * maximumBlob);
    const { window } = this.#chunker;
    const out = new ByteWriter(inlineList);
    let start = 0;
    while (start < bytes.length) {
      const part = bytes.subarray(start, start + window.length);
      window.set(part);
      const length = this.#chunker.cut(0, part.length, start + part.length === bytes.length);
      const chunk = bytes.subarray(start, start + length);
      writeContentItem(out, length, this.#packer.add(type, chunk));
      start += length;
    }
    return out.take();
  }
}

/** The ids in an encoded list, joined; of most lists it is one, where it stands. */
function idsOf(list: Uint8Array): Uint8Array {
  let ids: Uint8Array | undefined;
  let length = 0;
  let at = 0;
  while (at < list.length) {
    const hole = (list[at]! & 1) === 1;
    while (list[at++]! >= 0x80);
    if (hole) continue;
    const id = list.subarray(at, at + idSize);
    at += idSize;
    if (at === list.length && ids === undefined) return id;
    // Each id is a little less than its item, so the list has room for all of them.
    ids ??= new Uint8Array(list.length);
    ids.set(id, length);
    length += idSize;
  }
  return ids?.subarray(0, length) ?? none;
}

const none = new Uint8Array(0);
