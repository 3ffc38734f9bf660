import { equalBytes } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import { eachPool } from '../../../base/pool.ts';
import { Semaphore } from '../../../base/semaphore.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import type { Access } from '../access.ts';
import type { BlobType } from '../content/blob-id.ts';
import { packName } from '../objects/object-name.ts';
import type { OpenWorkers } from '../worker/open-workers.ts';
import { encodeWanted, type WantedBlob, type WantedSegment } from '../worker/wanted-segments.ts';
import type { LocatedPack } from './blob-locator.ts';
import type { BlobReader } from './blob-reader.ts';
import { ByteBoundedCache } from './byte-bounded-cache.ts';
import { CompactTable } from './compact-table.ts';
import { alignedRange } from './read-range.ts';
import { slotsOf } from './segment-reader.ts';

/** A blob that is wanted for something. */
export interface BlobUse {
  readonly type: BlobType;
  readonly id: Uint8Array;
  readonly length: number;
}

/** What a bulk read does with its results. */
export interface BulkHandler<Use extends BlobUse> {
  /** What the sink needs to know of these uses; their numbers are their places in the list. */
  payloadOf(uses: readonly Use[]): Uint8Array;
  /** A task is over. `answer` is what the sink said; `failed` did not reach it. */
  onAnswer(uses: readonly Use[], answer: unknown, failed: ReadonlySet<Use>): void;
  /** These are to be read one by one (`BlobReader.read`), which finds other copies and moved packs. */
  onFailed(uses: readonly Use[]): void;
}

/** One read is at most about this long, so that memory is bounded and all threads get work. */
const MOST_READ = 4 * 1024 * 1024;
/** Bytes that are read along rather than asked for separately. */
const GAP = 256 * 1024;
const NEAR_HEAD = 1024 * 1024;
const HEADS = 256;
const MOST_AT_ONCE = 8;

interface PackUse<Use> {
  readonly ordinal: number;
  readonly use: Use;
}

/** The blobs of one segment that are wanted. */
interface SegmentUse<Use> {
  readonly index: number;
  readonly blobs: { readonly ordinal: number; readonly uses: Use[] }[];
}

interface PlannedRead<Use> {
  readonly pack: LocatedPack;
  readonly table: CompactTable;
  readonly segments: readonly SegmentUse<Use>[];
  /** In the pack, if it has as many slots as its segments name. */
  readonly start: number;
  readonly end: number;
}

/** Blobs to read, by pack. */
export class BulkPlan<Use extends BlobUse> {
  readonly byPack = new Map<LocatedPack, PackUse<Use>[]>();
  /** Uses of blobs that no known pack holds. */
  readonly unknown: Use[] = [];
  readonly #blobs: BlobReader;

  constructor(blobs: BlobReader) {
    this.#blobs = blobs;
  }

  add(use: Use): void {
    const copy = this.#blobs.locator.find(use.id);
    if (copy === undefined) {
      this.unknown.push(use);
      return;
    }
    const known = this.byPack.get(copy.pack);
    if (known === undefined) this.byPack.set(copy.pack, [{ ordinal: copy.ordinal, use }]);
    else known.push({ ordinal: copy.ordinal, use });
  }
}

export interface BulkOptions extends CallOptions {
  /** Called when the last read of the plan is about to begin: those of another plan may follow. */
  readonly onLastBegun?: () => void;
}

/**
 * Reads many blobs pack by pack: neighbouring segments in one read of whole 64 KiB units, several reads at once, opened and checked by workers, which
 * hand the blobs to their sinks. However many plans are under way, no more is read at once than for one.
 */
export class BulkReader {
  readonly #access: Access;
  readonly #blobs: BlobReader;
  readonly #workers: OpenWorkers;
  readonly #heads = new ByteBoundedCache<string, Promise<readonly Uint8Array[]>>(HEADS);
  readonly #limit: number;
  readonly #places: Semaphore;
  /** Bytes read from the storage. */
  bytesRead = 0;

  constructor(access: Access, blobs: BlobReader, workers: OpenWorkers) {
    this.#access = access;
    this.#blobs = blobs;
    this.#workers = workers;
    const { concurrency } = access.storage.capabilities;
    this.#limit = Math.min(Math.max(concurrency, workers.count + 2), MOST_AT_ONCE);
    this.#places = new Semaphore(this.#limit);
  }

  /** Resolves when every use of the plan was answered or given to `onFailed`. Rejects with what the storage or a sink throws. */
  async run<Use extends BlobUse>(
    plan: BulkPlan<Use>,
    handler: BulkHandler<Use>,
    { signal, onLastBegun = () => undefined }: BulkOptions = {},
  ): Promise<void> {
    if (plan.unknown.length > 0) handler.onFailed(plan.unknown);
    await eachPool(
      this.#reads(plan, handler, onLastBegun),
      this.#limit,
      async (read, call) => {
        using _place = await this.#places.acquire(call);
        await this.#perform(read, handler, call);
      },
      { signal },
    );
  }

  *#reads<Use extends BlobUse>(
    plan: BulkPlan<Use>,
    handler: BulkHandler<Use>,
    onLastBegun: () => void,
  ): Generator<PlannedRead<Use>, void, undefined> {
    for (const [pack, uses] of plan.byPack) {
      // The next plan is made and begun while the last of this one is still under way: what was begun takes no memory twice.
      plan.byPack.delete(pack);
      let table: CompactTable;
      try {
        table = this.#blobs.locator.layoutOf(pack);
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error;
        handler.onFailed(uses.map(({ use }) => use));
        continue;
      }
      yield* readsOf(pack, table, segmentsOf(table, uses, handler));
    }
    onLastBegun();
  }

  async #perform<Use extends BlobUse>(
    read: PlannedRead<Use>,
    handler: BulkHandler<Use>,
    { signal }: CallOptions,
  ): Promise<void> {
    const { pack, table, segments } = read;
    const uses: Use[] = [];
    try {
      if (read.end > pack.size) throw new MalformedError('The table describes a longer pack');
      const known = this.#heads.get(pack.name);
      const start = known === undefined && read.start < NEAR_HEAD ? 0 : read.start;
      const range = alignedRange(start, read.end, pack.size);
      const head = known ?? (range.offset > 0 ? this.#headOf(pack, table, { signal }) : undefined);
      const [bytes, headSlots] = await Promise.all([
        this.#access.storage.read(packName(pack.name), { range, signal }),
        head,
      ]);
      this.bytesRead += bytes.length;
      const slots = headSlots ?? slotsOf(bytes, table);
      this.#heads.set(pack.name, Promise.resolve(slots), 1);
      // Unused slots move everything: rare enough for the way one by one.
      if (slots.length !== table.usedSlots) throw new MalformedError('Slots that nobody uses');
      const wanted = wantedOf(read, range.offset, uses);
      const { answer, failures } = await this.#workers.run({
        kind: table.kind,
        slots,
        bytes,
        wanted: encodeWanted(wanted),
        payload: handler.payloadOf(uses),
      });
      const failed = new Set(failures.flatMap((failure) => failure.uses.map((at) => uses[at]!)));
      handler.onAnswer(uses, answer, failed);
      for (const failure of failures) this.#reject(pack, uses, failure.uses, failure.reason);
      if (failed.size > 0) handler.onFailed([...failed]);
    } catch (error) {
      this.#heads.delete(pack.name);
      signal?.throwIfAborted();
      const isGone = hasCode(error, 'storage/not-found', 'storage/bad-range');
      const isLost = isGone || error instanceof MalformedError;
      if (!isLost && !(await this.#blobs.isUnreadable(error))) throw error;
      handler.onFailed(segments.flatMap(({ blobs }) => blobs.flatMap((blob) => blob.uses)));
    }
  }

  /** Several reads of one pack begin together: the first that needs the head asks for it. */
  #headOf(
    pack: LocatedPack,
    table: CompactTable,
    options: CallOptions,
  ): Promise<readonly Uint8Array[]> {
    const reading = this.#readHead(pack, table, options);
    this.#heads.set(pack.name, reading, 1);
    return reading;
  }

  async #readHead(
    pack: LocatedPack,
    table: CompactTable,
    { signal }: CallOptions,
  ): Promise<readonly Uint8Array[]> {
    const end = CompactTable.segmentsBegin(table.usedSlots);
    const range = alignedRange(0, end, pack.size);
    return slotsOf(await this.#access.storage.read(packName(pack.name), { range, signal }), table);
  }

  /** Copies that are bad are not tried again, and named. */
  #reject(
    pack: LocatedPack,
    uses: readonly BlobUse[],
    failed: readonly number[],
    reason: string,
  ): void {
    for (const at of failed) {
      const copy = this.#blobs.locator.find(uses[at]!.id);
      if (copy?.pack === pack) this.#blobs.reject(copy, reason);
    }
  }
}

/** The wanted blobs of a pack by segment, in order. What the table says otherwise goes to `onFailed`. */
function segmentsOf<Use extends BlobUse>(
  table: CompactTable,
  packUses: PackUse<Use>[],
  handler: BulkHandler<Use>,
): SegmentUse<Use>[] {
  const segments: SegmentUse<Use>[] = [];
  const wrong: Use[] = [];
  packUses.sort((left, right) => left.ordinal - right.ordinal);
  for (const { ordinal, use } of packUses) {
    const isRight =
      table.typeOf(ordinal) === use.type &&
      table.lengthOf(ordinal) === use.length &&
      equalBytes(table.idOf(ordinal), use.id);
    if (!isRight) {
      wrong.push(use);
      continue;
    }
    const index = table.segmentOf(ordinal);
    let segment = segments.at(-1);
    if (segment?.index !== index) {
      segment = { index, blobs: [] };
      segments.push(segment);
    }
    const blob = segment.blobs.at(-1);
    if (blob?.ordinal === ordinal) blob.uses.push(use);
    else segment.blobs.push({ ordinal, uses: [use] });
  }
  if (wrong.length > 0) handler.onFailed(wrong);
  return segments;
}

/** Puts neighbouring segments together. */
function* readsOf<Use>(
  pack: LocatedPack,
  table: CompactTable,
  segments: readonly SegmentUse<Use>[],
): Generator<PlannedRead<Use>, void, undefined> {
  const base = CompactTable.segmentsBegin(table.usedSlots);
  let together: SegmentUse<Use>[] = [];
  let start = 0;
  let end = 0;
  for (const segment of segments) {
    const place = table.segments[segment.index]!;
    const from = base + place.start;
    const to = from + place.storedLength;
    if (together.length > 0 && (from - end > GAP || to - start > MOST_READ)) {
      yield { pack, table, segments: together, start, end };
      together = [];
    }
    if (together.length === 0) start = from;
    together.push(segment);
    end = to;
  }
  if (together.length > 0) yield { pack, table, segments: together, start, end };
}

/** Describes a read to a worker; `uses` receives the uses by number. */
function wantedOf<Use extends BlobUse>(
  { table, segments }: PlannedRead<Use>,
  offset: number,
  uses: Use[],
): WantedSegment[] {
  const base = CompactTable.segmentsBegin(table.usedSlots) - offset;
  return segments.map(({ index, blobs }) => {
    const { slot, number, start, storedLength, rawLength, codec } = table.segments[index]!;
    const wanted = blobs.map((blob): WantedBlob => ({
      offset: table.offsetOf(blob.ordinal),
      length: table.lengthOf(blob.ordinal),
      type: table.typeOf(blob.ordinal),
      id: table.idOf(blob.ordinal),
      uses: blob.uses.map((use) => uses.push(use) - 1),
    }));
    const placed = { slot, number, offset: base + start, storedLength, rawLength, codec };
    return { ...placed, blobs: wanted };
  });
}
