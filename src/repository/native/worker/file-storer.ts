import { AppError } from '../../../base/errors.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import type { GearChunker } from '../../../codec/chunker/gear-chunker.ts';
import { blobType } from '../content/blob-id.ts';
import { idSize, writeContentItem } from '../content/content-list.ts';
import type { BlobPacker } from '../packs/blob-packer.ts';
import type { ContentModule, OpenContent } from './content-module.ts';
import type { FileOutcome, RegionRequest } from './messages.ts';
import type { OpenedFile } from './open-ahead.ts';

/** Reads a file changed under our hands this often before it is stored as it comes. */
const ATTEMPTS = 2;

/**
 * Reads files, cuts them and hands the chunks to a packer: the hot path of a backup. Synchronous, with one reused window; a file that is one chunk
 * is read straight into the segment.
 */
export class FileStorer {
  readonly #content: ContentModule;
  readonly #chunker: GearChunker;
  readonly #packer: BlobPacker;
  readonly #list = new ByteWriter(4096);

  constructor(content: ContentModule, chunker: GearChunker, packer: BlobPacker) {
    this.#content = content;
    this.#chunker = chunker;
    this.#packer = packer;
  }

  /** Stores one file whole; it is read again if it changed meanwhile. Throws an `AppError` `source/…`. */
  store(opened: OpenedFile): FileOutcome {
    for (let attempt = 1; ; attempt++) {
      this.#list.clear();
      using file = opened.open();
      const size = this.#storeContent(file);
      const steady = size === file.size && file.isUnchanged();
      if (steady || attempt === ATTEMPTS) {
        const calm = attempt === 1 ? 'steady' : 'moved';
        return { list: this.#list.take(), size, state: steady ? calm : 'torn' };
      }
    }
  }

  /** The loose positions of a region, as `position × 2 + strict` counted from `start`, where the run of data begins. */
  scan({ path, expected, displayPath, offset, length }: RegionRequest, start: number): number[] {
    using file = this.#content.openForBackup(path, expected, displayPath);
    const { window } = this.#chunker;
    const loose: number[] = [];
    const end = offset + length;
    // The kernel wants the 32 bytes before the first position that it tests.
    let position = offset;
    while (position < end) {
      const before = Math.min(32, position - start);
      const want = Math.min(window.length - before, end - position);
      const got = readFully(file, window, 0, before + want, position - before) - before;
      if (got <= 0) break;
      const shift = position - before - start;
      for (const found of this.#chunker.looseCuts(before, before + got)) {
        loose.push(found + shift * 2);
      }
      position += got;
      if (got < want) break;
    }
    return loose;
  }

  /** Stores chunks that lie one after the other; their ids, joined, and whether the file was too short for them. */
  storeChunks(
    { path, expected, displayPath, offset }: RegionRequest,
    lengths: readonly number[],
  ): { ids: Uint8Array; short: boolean } {
    using file = this.#content.openForBackup(path, expected, displayPath);
    const ids = new Uint8Array(lengths.length * idSize);
    let position = offset;
    for (const [index, length] of lengths.entries()) {
      const window = this.#chunker.window.subarray(0, length);
      if (readFully(file, window, 0, length, position) < length) return { ids, short: true };
      ids.set(this.#packer.add(blobType.data, window), index * idSize);
      position += length;
    }
    return { ids, short: false };
  }

  storeBlobs(blobs: readonly Uint8Array[]): Uint8Array {
    const ids = new Uint8Array(blobs.length * idSize);
    for (const [index, blob] of blobs.entries()) {
      ids.set(this.#packer.add(blobType.data, blob), index * idSize);
    }
    return ids;
  }

  /** Bytes of content, holes included; fewer than the file's size if it ended early. */
  #storeContent(file: OpenContent): number {
    let position = 0;
    for (const { offset, length } of file.extents()) {
      if (offset > position) writeContentItem(this.#list, offset - position, undefined);
      const stored = this.#storeRun(file, offset, length);
      position = offset + stored;
      if (stored < length) return position;
    }
    if (position < file.size) writeContentItem(this.#list, file.size - position, undefined);
    return file.size;
  }

  /** Stores `length` bytes of data from `offset`; gives how many there were. */
  #storeRun(file: OpenContent, offset: number, length: number): number {
    if (length <= this.#chunker.parameters.minimum) return this.#storeSmall(file, offset, length);
    const { window } = this.#chunker;
    let filled = 0;
    let start = 0;
    let read = 0;
    for (;;) {
      const want = Math.min(window.length - filled, length - read);
      const got = readFully(file, window, filled, want, offset + read);
      read += got;
      filled += got;
      const last = read === length || got < want;
      for (
        let end = this.#cut(start, filled, last);
        end !== 0;
        end = this.#cut(start, filled, last)
      ) {
        const id = this.#packer.add(blobType.data, window.subarray(start, end));
        writeContentItem(this.#list, end - start, id);
        start = end;
      }
      if (last) return read;
      window.copyWithin(0, start, filled);
      filled -= start;
      start = 0;
    }
  }

  #cut(start: number, filled: number, last: boolean): number {
    return start === filled ? 0 : this.#chunker.cut(start, filled, last);
  }

  #storeSmall(file: OpenContent, offset: number, length: number): number {
    const room = this.#packer.room(length);
    const got = readFully(file, room, 0, length, offset);
    if (got > 0) writeContentItem(this.#list, got, this.#packer.addHere(blobType.data, got));
    return got;
  }
}

/** Reads until `length` bytes are there or the file ends; gives how many there are. */
function readFully(
  file: OpenContent,
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number,
): number {
  if (offset + length > buffer.length) throw new AppError('internal', 'Read past a buffer');
  let total = 0;
  while (total < length) {
    const got = file.readInto(buffer, offset + total, length - total, position + total);
    if (got === 0) break;
    total += got;
  }
  return total;
}
