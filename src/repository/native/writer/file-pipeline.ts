import { AppError } from '../../../base/errors.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import { DividedCuts } from '../../../codec/chunker/divided-cuts.ts';
import { GearChunker } from '../../../codec/chunker/gear-chunker.ts';
import type { ChunkerParameters } from '../../../codec/chunker/parameters.ts';
import { idSize, writeContentItem } from '../content/content-list.ts';
import type { ContentModule, OpenContent } from '../worker/content-module.ts';
import { decodeOutcomes, encodeRequests } from '../worker/file-batch.ts';
import type { FileOutcome, FileRequest, ProblemReport, StoreResult } from '../worker/messages.ts';
import type { StoreWorkers } from '../worker/store-workers.ts';

/** A file above this is divided among the workers. */
const LARGE = 16 * 1024 * 1024;
/** How much of a large file one task is about. */
const REGION = 8 * 1024 * 1024;
const BATCH_FILES = 512;
const BATCH_BYTES = 8 * 1024 * 1024;
/** Large files that are read at the same time. */
const LARGE_AT_ONCE = 2;
const ATTEMPTS = 2;

type Done = (outcome: FileOutcome | ProblemReport) => void;

/**
 * Gives files to the store workers: small ones in batches, large ones in regions, so that one large file uses all cores. `store` waits while there is
 * enough to do; `drain` until everything is done.
 */
export class FilePipeline {
  readonly #workers: StoreWorkers;
  readonly #content: ContentModule;
  readonly #parameters: ChunkerParameters;
  readonly #chunkKey: Uint8Array;
  #spareChunker: GearChunker | undefined;
  /** Resolves when the storage keeps up, so that packs do not pile up. */
  readonly #storageReady: () => Promise<void>;
  readonly #running = new Set<Promise<void>>();
  readonly #large = new Set<Promise<void>>();
  #batch: { request: FileRequest; done: Done }[] = [];
  #batchBytes = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    workers: StoreWorkers,
    content: ContentModule,
    parameters: ChunkerParameters,
    chunkKey: Uint8Array,
    storageReady: () => Promise<void>,
  ) {
    this.#workers = workers;
    this.#content = content;
    this.#parameters = parameters;
    this.#chunkKey = chunkKey;
    this.#storageReady = storageReady;
  }

  /** Takes a file; `done` is called with how it went, in any order. Gives a promise when the caller must wait before the next one. */
  store(request: FileRequest, done: Done): Promise<void> | undefined {
    if (request.expected.size > LARGE) return this.#storeLarge(request, done);
    this.#batch.push({ request, done });
    this.#batchBytes += request.expected.size;
    const full = this.#batch.length >= BATCH_FILES || this.#batchBytes >= BATCH_BYTES;
    return full ? this.#sendBatch() : undefined;
  }

  /** Cuts and stores a stream of unknown length; gives its content list and size. */
  async storeStream(stream: AsyncIterable<Uint8Array>): Promise<FileOutcome> {
    // Kept for the next stream: its memory is many times as large as most files.
    const chunker =
      this.#spareChunker ?? new GearChunker(this.#parameters, this.#chunkKey, REGION + 64);
    this.#spareChunker = undefined;
    const list = new OrderedList();
    let filled = 0;
    let size = 0;
    const cutAll = async (last: boolean): Promise<void> => {
      let start = 0;
      while (start < filled) {
        const end = chunker.cut(start, filled, last);
        if (end === 0) break;
        const blob = chunker.window.slice(start, end);
        await this.#ready();
        const result = this.#workers.run({ type: 'blobs', blobs: [blob] }, [blob.buffer]);
        list.chunks([end - start], result);
        start = end;
      }
      chunker.window.copyWithin(0, start, filled);
      filled -= start;
      await list.settle(this.#workers.count * 2);
    };
    for await (const part of stream) {
      for (let taken = 0; taken < part.length;) {
        const more = part.subarray(taken, taken + chunker.window.length - filled);
        chunker.window.set(more, filled);
        filled += more.length;
        taken += more.length;
        size += more.length;
        if (filled === chunker.window.length) await cutAll(false);
      }
    }
    await cutAll(true);
    await list.settle(0);
    this.#spareChunker = chunker;
    return { list: list.take(), size, state: 'steady' };
  }

  async drain(): Promise<void> {
    await this.#sendBatch();
    while (this.#running.size > 0 || this.#large.size > 0) {
      await Promise.all([...this.#running, ...this.#large]);
    }
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #ready(): Promise<void> {
    this.#throwFailure();
    await this.#storageReady();
    await this.#workers.ready();
  }

  async #sendBatch(): Promise<void> {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.#batchBytes = 0;
    await this.#ready();
    const requests = encodeRequests(batch.map(({ request }) => request));
    this.#track(
      this.#running,
      this.#workers.run({ type: 'files', requests }, [requests.buffer]).then((result) => {
        if (result.type !== 'files') throw unexpected(result);
        let index = 0;
        for (const outcome of decodeOutcomes(result.outcomes)) batch[index++]!.done(outcome);
      }),
    );
  }

  async #storeLarge(request: FileRequest, done: Done): Promise<void> {
    while (this.#large.size >= LARGE_AT_ONCE) await Promise.race(this.#large);
    this.#track(this.#large, this.#readLarge(request).then(done));
    await this.#ready();
  }

  #track(set: Set<Promise<void>>, work: Promise<void>): void {
    // Nobody may be waiting when it fails: the failure is kept for whoever comes next.
    const tracked: Promise<void> = work
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => set.delete(tracked));
    set.add(tracked);
  }

  async #readLarge(request: FileRequest): Promise<FileOutcome | ProblemReport> {
    for (let attempt = 1; ; attempt++) {
      try {
        using file = this.#content.openForBackup(
          request.path,
          request.expected,
          request.displayPath,
        );
        const list = new OrderedList();
        const size = await this.#storeExtents(request, file, list);
        const steady = size === file.size && file.isUnchanged();
        if (steady || attempt === ATTEMPTS) {
          const calm = attempt === 1 ? 'steady' : 'moved';
          return { list: list.take(), size, state: steady ? calm : 'torn' };
        }
      } catch (error) {
        if (error instanceof AppError && error.code.startsWith('source/')) {
          return { code: error.code, message: error.message };
        }
        throw error;
      }
    }
  }

  async #storeExtents(request: FileRequest, file: OpenContent, list: OrderedList): Promise<number> {
    let position = 0;
    for (const { offset, length } of file.extents()) {
      if (offset > position) list.hole(offset - position);
      const whole = await this.#storeRun(request, offset, length, list);
      await list.settle(0);
      position = offset + length;
      // The last chunks may have told only now that the file ended early.
      if (!whole || list.ended) return list.length;
    }
    if (position < file.size) list.hole(file.size - position);
    return file.size;
  }

  /** Scans a run of data in regions, some of them ahead, and stores its chunks as soon as their ends are known. False if it ended early. */
  async #storeRun(
    request: FileRequest,
    start: number,
    length: number,
    list: OrderedList,
  ): Promise<boolean> {
    const cuts = new DividedCuts(this.#parameters);
    const scans: { end: number; result: Promise<StoreResult> }[] = [];
    let scheduled = 0;
    for (;;) {
      while (scheduled < length && scans.length <= this.#workers.count) {
        await this.#ready();
        const region = {
          ...request,
          offset: start + scheduled,
          length: Math.min(REGION, length - scheduled),
        };
        const result = this.#workers.run({ type: 'scan', region, start });
        // It is awaited below; an early failure must not count as unhandled meanwhile.
        result.catch(() => undefined);
        scheduled += region.length;
        scans.push({ end: scheduled, result });
      }
      const scan = scans.shift();
      if (scan === undefined) return true;
      const found = await scan.result;
      if (found.type === 'problem') throw problemError(found.problem);
      if (found.type !== 'scan') throw unexpected(found);
      await this.#storeChunks(request, start, cuts, found.loose, scan.end, length, list);
      if (list.ended) return false;
    }
  }

  async #storeChunks(
    request: FileRequest,
    start: number,
    cuts: DividedCuts,
    loose: readonly number[],
    scanned: number,
    length: number,
    list: OrderedList,
  ): Promise<void> {
    let from = cuts.start;
    let offset = from;
    let lengths: number[] = [];
    const send = async (): Promise<void> => {
      if (lengths.length === 0) return;
      await this.#ready();
      const region = { ...request, offset: start + offset, length: from - offset };
      list.chunks(lengths, this.#workers.run({ type: 'chunks', region, lengths }));
      offset = from;
      lengths = [];
    };
    for (const cut of cuts.add(loose, scanned, scanned === length)) {
      lengths.push(cut - from);
      from = cut;
      if (from - offset >= REGION) await send();
    }
    await send();
    await list.settle(this.#workers.count * 2);
  }
}

/** A content list whose ids arrive later but in order. */
class OrderedList {
  readonly #out = new ByteWriter(4096);
  readonly #waiting: {
    readonly lengths: readonly number[];
    readonly result: Promise<StoreResult>;
  }[] = [];
  /** Bytes of content that the finished part of the list stands for. */
  length = 0;
  /** The file was shorter than it had been. */
  ended = false;

  hole(length: number): void {
    writeContentItem(this.#out, length, undefined);
    this.length += length;
  }

  chunks(lengths: readonly number[], result: Promise<StoreResult>): void {
    result.catch(() => undefined); // Awaited in `settle`.
    this.#waiting.push({ lengths, result });
  }

  /** Waits until no more than `most` results are missing. */
  async settle(most: number): Promise<void> {
    while (this.#waiting.length > most) {
      const { lengths, result } = this.#waiting.shift()!;
      const stored = await result;
      if (stored.type === 'problem') throw problemError(stored.problem);
      if (stored.type !== 'ids') throw unexpected(stored);
      if (this.ended) continue;
      for (const [index, length] of lengths.entries()) {
        const id = stored.ids.subarray(index * idSize, (index + 1) * idSize);
        if (stored.short && id.every((byte) => byte === 0)) {
          this.ended = true;
          break;
        }
        writeContentItem(this.#out, length, id);
        this.length += length;
      }
    }
  }

  take(): Uint8Array {
    return this.#out.take();
  }
}

function problemError(problem: ProblemReport): AppError {
  return new AppError(problem.code, problem.message);
}

function unexpected(result: StoreResult): AppError {
  return new AppError('internal', `A worker answered "${result.type}" to another question`);
}
