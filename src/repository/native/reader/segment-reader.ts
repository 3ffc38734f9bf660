import { noteBufferGarbage } from '../../../base/buffer-garbage.ts';
import { equalBytes } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { decodeHeader, headerSize } from '../../../codec/encryption/object-header.ts';
import { slotSize } from '../../../codec/encryption/slot.ts';
import { keyPairFromSeed, type XWingSecret } from '../../../codec/encryption/x-wing.ts';
import type { Access } from '../access.ts';
import { requireKey } from '../keys/key-ring.ts';
import { packName } from '../objects/object-name.ts';
import type { PackKind } from '../packs/pack-table.ts';
import { SegmentOpener } from '../packs/segment-opener.ts';
import type { BlobLocator, LocatedPack } from './blob-locator.ts';
import { ByteBoundedCache } from './byte-bounded-cache.ts';
import { CompactTable } from './compact-table.ts';
import { alignedRange } from './read-range.ts';

/** Opened segments are kept up to this many bytes. */
const SEGMENT_CACHE = 32 * 1024 * 1024;
/** Packs whose slots are kept, opened. */
const HEAD_CACHE = 256;
/** A segment that begins before this is read together with the slots. */
const NEAR_HEAD = 512 * 1024;

/** The slots of a pack. */
export interface PackHead {
  /** Each 1184 bytes. */
  readonly slots: readonly Uint8Array[];
  readonly openers: (SegmentOpener | undefined)[];
}

/** Reads and opens single segments; reads of one segment at the same time are one. Not for bulk: a restore reads by pack. */
export class SegmentReader {
  readonly #access: Access;
  readonly #locator: BlobLocator;
  readonly #signal: AbortSignal | undefined;
  readonly #secrets = new Map<PackKind, XWingSecret>();
  readonly #heads = new ByteBoundedCache<string, PackHead>(HEAD_CACHE);
  readonly #opened = new ByteBoundedCache<string, Uint8Array>(SEGMENT_CACHE);
  readonly #reading = new Map<string, Promise<Uint8Array>>();

  constructor(access: Access, locator: BlobLocator, { signal }: CallOptions = {}) {
    this.#access = access;
    this.#locator = locator;
    this.#signal = signal;
  }

  /** The raw bytes of a segment. @throws MalformedError, or what the storage throws */
  read(pack: LocatedPack, segment: number): Promise<Uint8Array> {
    const key = `${pack.name}:${segment}`;
    const opened = this.#opened.get(key);
    if (opened !== undefined) return Promise.resolve(opened);
    let reading = this.#reading.get(key);
    if (reading === undefined) {
      reading = this.#read(pack, segment, key).finally(() => this.#reading.delete(key));
      this.#reading.set(key, reading);
    }
    return reading;
  }

  async #read(pack: LocatedPack, index: number, key: string): Promise<Uint8Array> {
    const layout = this.#locator.layoutOf(pack);
    const segment = layout.segments[index];
    if (segment === undefined) throw new MalformedError('There is no such segment');
    const known = this.#heads.get(pack.name);
    const slots = known?.slots.length ?? layout.usedSlots;
    const start = CompactTable.segmentsBegin(slots) + segment.start;
    const from = known === undefined && start < NEAR_HEAD ? 0 : start;
    const [range, head] = await Promise.all([
      this.#readRange(pack, from, start + segment.storedLength),
      known ?? (from === 0 ? undefined : this.#readHead(pack, layout)),
    ]);
    const found = head ?? (await this.#headOf(pack, layout, range.bytes));
    if (found.slots.length !== slots) return this.#read(pack, index, key);
    const offset = start - range.offset;
    const stored = range.bytes.subarray(offset, offset + segment.storedLength);
    const raw = this.#openerOf(found, segment.slot, layout.kind).open(segment, stored);
    this.#opened.set(key, raw, raw.length);
    noteBufferGarbage(segment.storedLength + raw.length);
    return raw;
  }

  async #readRange(
    { name, size }: LocatedPack,
    start: number,
    end: number,
  ): Promise<{ readonly bytes: Uint8Array; readonly offset: number }> {
    if (end > size) throw new MalformedError('The table describes a longer pack');
    const range = alignedRange(start, end, size);
    const bytes = await this.#access.storage.read(packName(name), {
      range,
      signal: this.#signal,
    });
    return { bytes, offset: range.offset };
  }

  async #readHead(pack: LocatedPack, layout: CompactTable): Promise<PackHead> {
    const end = Math.min(pack.size, CompactTable.segmentsBegin(layout.usedSlots));
    const { bytes } = await this.#readRange(pack, 0, end);
    return this.#headOf(pack, layout, bytes);
  }

  /** The head of a pack whose first bytes are `bytes`. */
  async #headOf(pack: LocatedPack, layout: CompactTable, bytes: Uint8Array): Promise<PackHead> {
    const known = this.#heads.get(pack.name);
    if (known !== undefined) return known;
    const end = CompactTable.segmentsBegin(bytes[headerSize - 1] ?? 0);
    const all = bytes.length >= end ? bytes : (await this.#readRange(pack, 0, end)).bytes;
    const head: PackHead = { slots: slotsOf(all, layout), openers: [] };
    this.#heads.set(pack.name, head, 1);
    return head;
  }

  #openerOf(head: PackHead, slot: number, kind: PackKind): SegmentOpener {
    const { repositoryId } = this.#access.keys;
    const bytes = head.slots[slot];
    if (bytes === undefined) throw new MalformedError('A segment names a slot that is not there');
    const opener = (head.openers[slot] ??= new SegmentOpener(
      this.#secretOf(kind),
      bytes,
      kind,
      repositoryId,
    ));
    return opener;
  }

  #secretOf(kind: PackKind): XWingSecret {
    let secret = this.#secrets.get(kind);
    if (secret === undefined) {
      const seed = requireKey(this.#access.keys, kind === 'data' ? 'dataSeed' : 'metaSeed');
      ({ secret } = keyPairFromSeed(seed));
      this.#secrets.set(kind, secret);
    }
    return secret;
  }
}

/** The slots at the start of a pack, which are those that its table names. @throws MalformedError */
export function slotsOf(bytes: Uint8Array, layout: CompactTable): Uint8Array[] {
  const count = bytes[headerSize - 1] ?? 0;
  const end = CompactTable.segmentsBegin(count);
  // The hash first: a flipped bit in the version is damage, and no newer program.
  const isSigned = equalBytes(sha256(bytes.subarray(0, end)), layout.headHash);
  if (!isSigned || count < layout.usedSlots || bytes.length < end) {
    throw new MalformedError('Header and slots are not those that were signed');
  }
  decodeHeader(bytes, 'pack');
  return Array.from({ length: count }, (_, slot) =>
    bytes.slice(headerSize + slot * slotSize, headerSize + (slot + 1) * slotSize),
  );
}
