import type { BlobTable } from '../index/blob-table.ts';
import type { BlobNamer, BlobType } from '../content/blob-id.ts';
import {
  PackBuilder,
  packBufferSize,
  type FinishedPack,
  type PackContext,
  type PreparedSegment,
} from './pack-builder.ts';
import { chooseLast } from './pack-closing.ts';
import { SegmentsAside } from './segments-aside.ts';
import type { PackKind, TableBlob } from './pack-table.ts';
import { maximumBlob } from '../content/content-list.ts';

/** Blobs are put together up to about this many raw bytes; a larger one stands alone. */
export const segmentTarget = 1024 * 1024;

/**
 * Takes blobs of one kind, leaves out those the table has, and puts the rest into segments and packs (native.md, sections 7.5 and 8).
 * Synchronous; one a thread and kind.
 */
export class BlobPacker {
  readonly #context: PackContext;
  readonly #kind: PackKind;
  readonly #table: BlobTable;
  readonly #namer: BlobNamer;
  readonly #emit: (pack: FinishedPack) => void;
  readonly #takeBuffer: (size: number) => Uint8Array;
  readonly #segment = new Uint8Array(maximumBlob);
  #fill = 0;
  #blobs: TableBlob[] = [];
  readonly #aside = new SegmentsAside();
  #builder: PackBuilder | undefined;
  /** Raw bytes of blobs that were not there yet. */
  rawAdded = 0;

  /** `emit` gets every finished pack; `takeBuffer` gives memory for one, of at least the size asked for. */
  constructor(
    context: PackContext,
    kind: PackKind,
    table: BlobTable,
    namer: BlobNamer,
    emit: (pack: FinishedPack) => void,
    takeBuffer: (size: number) => Uint8Array = (size) => new Uint8Array(size),
  ) {
    this.#context = context;
    this.#kind = kind;
    this.#table = table;
    this.#namer = namer;
    this.#emit = emit;
    this.#takeBuffer = takeBuffer;
  }

  /**
   * Free memory of the segment that is being filled, at least `length` bytes (at most 4 MiB): read a blob straight into it, then `addHere`. Valid
   * until the next call of anything.
   */
  room(length: number): Uint8Array {
    if (this.#fill > 0 && this.#fill + length > segmentTarget) this.#flushSegment();
    return this.#segment.subarray(this.#fill);
  }

  /** Adds the blob that was written to the first `length` bytes of `room`. Gives its id. */
  addHere(type: BlobType, length: number): Uint8Array {
    const raw = this.#segment.subarray(this.#fill, this.#fill + length);
    const id = this.#namer.nameOf(type, raw);
    if (this.#claim(id)) this.#keep(type, length, id);
    return id;
  }

  /** Adds a blob from anywhere. A large one is sealed from where it is, without a copy. */
  add(type: BlobType, raw: Uint8Array): Uint8Array {
    const id = this.#namer.nameOf(type, raw);
    if (this.#fill > 0 && this.#fill + raw.length > segmentTarget) this.#flushSegment();
    if (!this.#claim(id)) return id;
    if (raw.length > segmentTarget / 2 && this.#fill === 0) {
      this.#seal(raw, [{ type, rawLength: raw.length, id }]);
      this.rawAdded += raw.length;
    } else {
      this.#segment.set(raw, this.#fill);
      this.#keep(type, raw.length, id);
    }
    return id;
  }

  /** Seals what is left and hands out the last pack. */
  flush(): void {
    this.#flushSegment();
    const builder = this.#builder;
    if (builder === undefined) return;
    for (const segment of this.#aside.takeAll()) this.#move(segment, builder.pack, builder);
    this.#finishPack(builder);
  }

  #claim(id: Uint8Array): boolean {
    if (this.#table.use(id) !== undefined) return false;
    const builder = this.#open();
    return this.#table.claim(id, builder.pack, builder.blobCount + this.#blobs.length);
  }

  #keep(type: BlobType, length: number, id: Uint8Array): void {
    this.#blobs.push({ type, rawLength: length, id });
    this.#fill += length;
    this.rawAdded += length;
    if (this.#fill >= segmentTarget) this.#flushSegment();
  }

  #flushSegment(): void {
    if (this.#blobs.length === 0) return;
    const blobs = this.#blobs;
    const raw = this.#segment.subarray(0, this.#fill);
    this.#blobs = [];
    this.#fill = 0;
    this.#seal(raw, blobs);
  }

  #seal(raw: Uint8Array, blobs: readonly TableBlob[]): void {
    const builder = this.#open();
    const segment = builder.prepare(raw, blobs);
    // Several blobs are where they were claimed to be.
    const isMovable = blobs.length === 1;
    if (!isMovable) builder.append(segment);
    const waiting = isMovable ? [...this.#aside.segments, segment] : this.#aside.segments;
    if (this.#close(builder, waiting) || !isMovable) return;
    const canWait = builder.sizeWith(waiting) >= this.#context.target && this.#aside.fits(segment);
    if (!canWait) return this.#move(segment, builder.pack, builder);
    const oldest = this.#aside.isFull ? this.#aside.takeOldest() : undefined;
    if (oldest !== undefined) this.#move(oldest, builder.pack, builder);
    this.#aside.add(segment);
  }

  /** Finishes a pack that is full, or is so with some of the segments that wait; the others begin the next one then. False if it goes on. */
  #close(builder: PackBuilder, waiting: readonly PreparedSegment[]): boolean {
    const last = builder.isFull
      ? []
      : chooseLast(waiting, (some) => builder.sizeWith(some), this.#context.target);
    if (last === undefined) return false;
    this.#aside.takeAll();
    for (const segment of last) this.#move(segment, builder.pack, builder);
    this.#finishPack(builder);
    for (const segment of waiting) {
      if (last.includes(segment)) continue;
      const next = this.#open();
      this.#move(segment, builder.pack, next);
      this.#close(next, []);
    }
    return true;
  }

  /** Appends a segment of one blob that was claimed for the pack `from`. */
  #move(segment: PreparedSegment, from: number, builder: PackBuilder): void {
    this.#table.move(segment.blobs[0]!.id, from, builder.pack, builder.blobCount);
    builder.append(segment);
  }

  #finishPack(builder: PackBuilder): void {
    this.#builder = undefined;
    // Opened for a blob that another thread claimed first: nothing was put in.
    if (builder.blobCount > 0) this.#emit(builder.finish());
  }

  #open(): PackBuilder {
    this.#builder ??= new PackBuilder(
      this.#context,
      this.#kind,
      this.#table.openPack(),
      this.#takeBuffer(packBufferSize(this.#context.target)),
    );
    return this.#builder;
  }
}
