import { equalBytes } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { decodeHeader, headerSize } from '../../../codec/encryption/object-header.ts';
import { slotSize } from '../../../codec/encryption/slot.ts';
import type { Storage } from '../../../storage/storage.ts';
import { packName } from '../objects/object-name.ts';
import { damagedObject } from '../objects/signed-object.ts';
import {
  decodePackTable,
  type PackTable,
  type TableBlob,
  type TableSegment,
} from './pack-table.ts';

/** A segment, where it lies in its pack, and which blob of the pack is its first. */
export interface PlacedSegment extends TableSegment {
  readonly offset: number;
  readonly firstOrdinal: number;
}

/** What is needed to open the segments of a pack: its slots, and where each segment is. */
export interface PackLayout {
  readonly name: string;
  readonly table: PackTable;
  readonly slots: readonly Uint8Array[];
  readonly segments: readonly PlacedSegment[];
  /** Where the segments end. */
  readonly end: number;
}

/** The layout of a pack whose head (header and slots) is at the start of `bytes`. Throws a `MalformedError`. */
export function layOut(name: string, bytes: Uint8Array, record: Uint8Array): PackLayout {
  const table = decodePackTable(record);
  const count = decodeHeader(bytes, 'pack');
  const head = bytes.subarray(0, headerSize + count * slotSize);
  if (count === 0 || !equalBytes(sha256(head), table.headHash)) {
    throw new MalformedError('Header and slots are not those that were signed');
  }
  const slots = Array.from({ length: count }, (_, slot) =>
    head.slice(headerSize + slot * slotSize, headerSize + (slot + 1) * slotSize),
  );
  let offset = head.length;
  let firstOrdinal = 0;
  const segments = table.segments.map((segment): PlacedSegment => {
    if (segment.slot >= count) throw new MalformedError('A segment names a slot that is not there');
    const placed = { ...segment, offset, firstOrdinal };
    offset += segment.storedLength;
    firstOrdinal += segment.blobs.length;
    return placed;
  });
  return { name, table, slots, segments, end: offset };
}

/** Reads the head of a pack whose table is known. Throws an `AppError`: `repository/damaged`, and what the storage throws. */
export async function readPackLayout(
  storage: Storage,
  name: string,
  record: Uint8Array,
  options: CallOptions = {},
): Promise<PackLayout> {
  const object = packName(name);
  try {
    const first = await storage.read(object, {
      ...options,
      range: { offset: 0, length: headerSize + slotSize },
    });
    const length = headerSize + decodeHeader(first, 'pack') * slotSize;
    const head =
      length === first.length
        ? first
        : await storage.read(object, { ...options, range: { offset: 0, length } });
    return layOut(name, head, record);
  } catch (cause) {
    // A head that claims more slots than the object has room for is as wrong as one that does not decode.
    const isDamage = cause instanceof MalformedError || hasCode(cause, 'storage/bad-range');
    throw isDamage ? damagedObject(object, cause) : cause;
  }
}

/** The segment that holds the blob with this ordinal, by bisection. */
export function segmentOf({ segments }: PackLayout, ordinal: number): PlacedSegment {
  let low = 0;
  let high = segments.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (segments[middle]!.firstOrdinal <= ordinal) low = middle;
    else high = middle;
  }
  // Segments without blobs begin at the same ordinal as the one after them: the last of these has the blob.
  const segment = segments[low];
  if (segment === undefined || ordinal >= segment.firstOrdinal + segment.blobs.length) {
    throw new MalformedError('The table has no such blob');
  }
  return segment;
}

/** The bytes of each blob in an opened segment, in order. */
export function* blobsIn(
  segment: TableSegment,
  raw: Uint8Array,
): Generator<{ readonly blob: TableBlob; readonly raw: Uint8Array }, void, void> {
  let offset = 0;
  for (const blob of segment.blobs) {
    yield { blob, raw: raw.subarray(offset, offset + blob.rawLength) };
    offset += blob.rawLength;
  }
}
