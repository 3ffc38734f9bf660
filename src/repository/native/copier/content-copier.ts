import { asBuffer } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { moduleFile } from '../../../base/program-files.ts';
import type { Access } from '../access.ts';
import { blobType } from '../content/blob-id.ts';
import { idSize, type ContentReference } from '../content/content-list.ts';
import type { BlobTable } from '../index/blob-table.ts';
import { requireKey } from '../keys/key-ring.ts';
import type { BlobReader } from '../reader/blob-reader.ts';
import { BulkPlan, BulkReader, type BlobUse } from '../reader/bulk-reader.ts';
import { readContentItems, readTree } from '../reader/tree-reader.ts';
import { OpenWorkers } from '../worker/open-workers.ts';
import { releasePack } from '../worker/pack-memory.ts';
import type { PackUploader } from '../writer/pack-uploader.ts';
import type { CopiedPack, CopyAnswer, CopySinkSetup } from './copy-sink.ts';
import type { KnownCopies } from './known-copies.ts';

/** Content that is read pack by pack: of what one reads, up to this many bytes, the next is looked for meanwhile. */
const WINDOW = 64 * 1024 * 1024;
/** … and at most this many blobs. */
const MOST_BLOBS = 16_384;

export interface ContentCopierParts {
  readonly source: Access;
  readonly blobs: BlobReader;
  readonly known: KnownCopies;
  readonly uploader: PackUploader;
  /** How many threads. */
  readonly workers: number;
  readonly sink: CopySinkSetup;
  /** Of the target's run. */
  readonly table: BlobTable;
  /** Resolves while there is memory for another pack. */
  ready(): Promise<void> | undefined;
  /** Content was read from the source. */
  onRead(bytes: number): void;
}

/**
 * Copies the content of a tree on all cores, pack by pack, before the tree itself is copied: threads open the segments of the source, check their blobs, and store them
 * in packs of the target. What they cannot read is left to whoever copies the tree, blob by blob, and finds other copies.
 */
export class ContentCopier implements AsyncDisposable {
  readonly #parts: ContentCopierParts;
  readonly #workers: OpenWorkers;
  readonly #bulk: BulkReader;
  readonly #stop = new AbortController();
  /** Ids of the source that were asked for, whatever came of them. */
  readonly #asked = new Set<string>();
  #plan: BulkPlan<BlobUse>;
  #planned = { bytes: 0, blobs: 0 };
  #running: Promise<void> = Promise.resolve();

  constructor(parts: ContentCopierParts) {
    const { source, blobs, uploader, workers, sink } = parts;
    const { keys } = source;
    this.#parts = parts;
    this.#workers = new OpenWorkers(
      workers,
      {
        repositoryId: keys.repositoryId,
        idKey: keys.idKey,
        metaSeed: keys.metaSeed,
        dataSeed: requireKey(keys, 'dataSeed'),
        sinkModule: moduleFile('repository/native/copier/copy-sink').href,
        sinkSetup: sink,
      },
      (told) => {
        const { pack, slot, states } = told as CopiedPack;
        uploader.add(pack, () => releasePack(states, slot));
      },
    );
    this.#bulk = new BulkReader(source, blobs, this.#workers);
    this.#plan = new BulkPlan(blobs);
  }

  /** Resolves when the content of the tree is in packs that were given to the uploader. */
  async copyTree(root: ContentReference, { signal }: CallOptions = {}): Promise<void> {
    const stopping = this.#stop.signal;
    const call = { signal: signal === undefined ? stopping : AbortSignal.any([signal, stopping]) };
    await this.#walk(root, call);
    await this.#begin(call);
    await this.#running;
    await this.#workers.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running.catch(() => undefined); // It was thrown by `copyTree`, unless that was given up.
    await this.#workers[Symbol.asyncDispose]();
  }

  async #walk(reference: ContentReference, call: CallOptions): Promise<void> {
    const { blobs, known } = this.#parts;
    if (!known.enter(reference)) return;
    call.signal?.throwIfAborted();
    const { entries } = await readTree(blobs, reference, call);
    for (const { tree, content } of entries) {
      if (tree !== undefined) await this.#walk(tree, call);
      if (content === undefined) continue;
      for await (const { id, length } of readContentItems(blobs, content, call)) {
        if (id !== undefined) await this.#want({ type: blobType.data, id, length }, call);
      }
    }
  }

  async #want(use: BlobUse, call: CallOptions): Promise<void> {
    const { known, table } = this.#parts;
    const copied = known.get(use.id);
    if (copied !== undefined && table.use(copied) !== undefined) return;
    const key = asBuffer(use.id).toString('latin1');
    if (this.#asked.has(key)) return;
    this.#asked.add(key);
    this.#plan.add({ ...use, id: use.id.slice() });
    this.#planned.bytes += use.length;
    this.#planned.blobs++;
    if (this.#planned.bytes >= WINDOW || this.#planned.blobs >= MOST_BLOBS) await this.#begin(call);
  }

  /** Begins to copy what is planned, once what was planned before is copied. */
  async #begin(call: CallOptions): Promise<void> {
    await this.#running;
    await this.#parts.ready();
    const plan = this.#plan;
    this.#plan = new BulkPlan(this.#parts.blobs);
    this.#planned = { bytes: 0, blobs: 0 };
    this.#running = this.#bulk.run(
      plan,
      {
        payloadOf: () => new Uint8Array(0),
        onAnswer: (uses, answer) => this.#take(uses, answer as CopyAnswer),
        onFailed: () => undefined,
      },
      call,
    );
    this.#running.catch(() => undefined); // It is awaited later.
  }

  #take(uses: readonly BlobUse[], { uses: taken, ids }: CopyAnswer): void {
    for (const [index, number] of taken.entries()) {
      const { id, length } = uses[number]!;
      this.#parts.known.set(id, ids.subarray(index * idSize, (index + 1) * idSize));
      this.#parts.onRead(length);
    }
  }
}
