import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { headerSize } from '../../../codec/encryption/object-header.ts';
import { slotSize } from '../../../codec/encryption/slot.ts';
import type { BlobType } from '../content/blob-id.ts';
import { idSize } from '../content/content-list.ts';
import { decodePackTable, type PackKind } from '../packs/pack-table.ts';

/** A segment and where its blobs are. */
export interface SegmentLayout {
  readonly slot: number;
  readonly number: number;
  /** From the end of the slots, in bytes. */
  readonly start: number;
  readonly storedLength: number;
  readonly rawLength: number;
  readonly codec: number;
  /** Ordinal of its first blob; the last one's plus one. */
  readonly firstBlob: number;
  readonly endBlob: number;
}

/** A pack's table in a compact form: 48 bytes a blob, found by ordinal. */
export class CompactTable {
  readonly kind: PackKind;
  readonly headHash: Uint8Array;
  readonly segments: readonly SegmentLayout[];
  readonly blobCount: number;
  /** Slots that segments name; the pack may have more. */
  readonly usedSlots: number;
  readonly #segmentOf: Uint32Array;
  readonly #offsets: Uint32Array;
  readonly #lengths: Uint32Array;
  readonly #types: Uint8Array;
  readonly #ids: Uint8Array;

  /** @throws MalformedError if the table does not add up */
  constructor(record: Uint8Array) {
    const table = decodePackTable(record);
    let count = 0;
    for (const segment of table.segments) count += segment.blobs.length;
    this.kind = table.kind;
    this.headHash = table.headHash.slice();
    this.blobCount = count;
    this.#segmentOf = new Uint32Array(count);
    this.#offsets = new Uint32Array(count);
    this.#lengths = new Uint32Array(count);
    this.#types = new Uint8Array(count);
    this.#ids = new Uint8Array(count * idSize);
    const segments: SegmentLayout[] = [];
    let start = 0;
    let usedSlots = 1;
    let ordinal = 0;
    for (const { blobs, slot, number, storedLength, rawLength, codec } of table.segments) {
      const firstBlob = ordinal;
      let offset = 0;
      for (const blob of blobs) {
        this.#segmentOf[ordinal] = segments.length;
        this.#offsets[ordinal] = offset;
        this.#lengths[ordinal] = blob.rawLength;
        this.#types[ordinal] = blob.type;
        this.#ids.set(blob.id, ordinal * idSize);
        offset += blob.rawLength;
        ordinal++;
      }
      const place = { slot, number, start, storedLength, rawLength, codec };
      segments.push({ ...place, firstBlob, endBlob: ordinal });
      start += storedLength;
      usedSlots = Math.max(usedSlots, slot + 1);
    }
    if (usedSlots > 255) throw new MalformedError('More slots than a pack can have');
    this.usedSlots = usedSlots;
    this.segments = segments;
  }

  segmentOf(ordinal: number): number {
    return this.#segmentOf[ordinal]!;
  }

  /** Where the blob begins in its segment. */
  offsetOf(ordinal: number): number {
    return this.#offsets[ordinal]!;
  }

  lengthOf(ordinal: number): number {
    return this.#lengths[ordinal]!;
  }

  typeOf(ordinal: number): BlobType {
    return this.#types[ordinal] as BlobType;
  }

  /** A view, 32 bytes. */
  idOf(ordinal: number): Uint8Array {
    return this.#ids.subarray(ordinal * idSize, (ordinal + 1) * idSize);
  }

  /** Where the segments begin in a pack with this many slots. */
  static segmentsBegin(slots: number): number {
    return headerSize + slots * slotSize;
  }
}
