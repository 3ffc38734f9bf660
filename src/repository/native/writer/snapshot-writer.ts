import { AppError } from '../../../base/errors.ts';
import { requireKey } from '../keys/key-ring.ts';
import { packTargetOf, type Access } from '../access.ts';
import { signerFromSeed } from '../../../codec/encryption/signature.ts';
import { fromHex } from '../../../base/bytes.ts';
import { BlobNamer } from '../content/blob-id.ts';
import { BlobPacker } from '../packs/blob-packer.ts';
import type { PackContext } from '../packs/pack-builder.ts';
import type { ContentModule } from '../worker/content-module.ts';
import { StoreWorkers } from '../worker/store-workers.ts';
import { WriteCounters } from './counters.ts';
import { FilePipeline } from './file-pipeline.ts';
import { MetaStore } from './meta-store.ts';
import { PackUploader } from './pack-uploader.ts';
import type { KnownPack, RunTable } from './run-table.ts';
import type { SourceCache } from './source-cache.ts';
import { TreeBuilder, type TreeBuilderParts } from './tree-builder.ts';

/** How a writer works, whatever it writes. */
export interface WriterSettings {
  /** Threads that store content. */
  readonly workers: number;
  /** Open, decompress and compare every segment before it is stored. */
  readonly verify: boolean;
  /** Of zstd; 0 stores without compression. */
  readonly compressionLevel: number;
  /** Address of a `ContentModule`. */
  readonly contentModule: string;
  readonly cache: SourceCache | undefined;
  /** See `TreeBuilderParts`. */
  readonly quietSince: number;
  /** See `TreeBuilderParts`. */
  readonly trustsCache: boolean;
  /** See `TreeBuilderParts`. */
  readonly attributesOf?: TreeBuilderParts['attributesOf'];
  readonly onProblem: (path: Uint8Array, error: AppError) => void;
  /** See `TreeBuilderParts`. */
  readonly onEntry: TreeBuilderParts['onEntry'];
  /** See `TreeBuilderParts`. */
  readonly tellsAll: boolean;
}

/** What was written, when all of it is durable. */
export interface WrittenTree {
  /** The root's entry, as a final keeps it. */
  readonly root: Uint8Array;
  /** Every pack that some blob of the tree was found in or put into. */
  readonly relied: readonly KnownPack[];
}

/** Stores one tree (W4 and W5). Feed `tree` with a walk, then `finish`. */
export class SnapshotWriter implements AsyncDisposable {
  readonly tree: TreeBuilder;
  readonly counters = new WriteCounters();
  readonly #run: RunTable;
  readonly #meta: BlobPacker;
  readonly #workers: StoreWorkers;
  readonly #uploader: PackUploader;
  readonly #pipeline: FilePipeline;

  constructor(
    access: Access,
    runId: string,
    run: RunTable,
    content: ContentModule,
    settings: WriterSettings,
    signal: AbortSignal,
  ) {
    const { keys } = access;
    const chunkKey = requireKey(keys, 'chunkKey');
    const shared = {
      repositoryId: keys.repositoryId,
      indexKey: keys.indexKey,
      dataPublic: keys.dataPublic,
      metaPublic: keys.metaPublic,
      signerId: fromHex(access.hostId),
      runId: fromHex(runId),
      target: packTargetOf(access),
      compressionLevel: settings.compressionLevel,
      verify: settings.verify,
    };
    this.#run = run;
    this.#uploader = new PackUploader(access, 2 * settings.workers + 2, signal);
    this.#workers = new StoreWorkers(
      settings.workers,
      {
        table: run.table.memory,
        context: { ...shared, signerSeed: access.hostSeed },
        idKey: keys.idKey,
        chunkKey,
        chunker: access.chunker,
        contentModule: settings.contentModule,
      },
      ({ pack, release }) => this.#uploader.add(pack, release),
    );
    const context: PackContext = {
      ...shared,
      signer: signerFromSeed(access.hostSeed),
      random: access.random,
    };
    const namer = new BlobNamer(keys.idKey);
    this.#meta = new BlobPacker(context, 'meta', run.table, namer, (pack) =>
      this.#uploader.add(pack),
    );
    this.#pipeline = new FilePipeline(this.#workers, content, access.chunker, chunkKey, async () =>
      this.#uploader.ready(),
    );
    this.tree = new TreeBuilder({
      table: run.table,
      namer,
      meta: new MetaStore(this.#meta, access.chunker, chunkKey),
      pipeline: this.#pipeline,
      cache: settings.cache,
      counters: this.counters,
      quietSince: settings.quietSince,
      trustsCache: settings.trustsCache,
      attributesOf: settings.attributesOf,
      onProblem: settings.onProblem,
      onEntry: settings.onEntry,
      tellsAll: settings.tellsAll,
    });
  }

  /** Bytes that the repository grew by so far. */
  get stored(): number {
    return this.#uploader.stored;
  }

  /** Raw bytes of blobs that were not there yet. */
  get added(): number {
    return this.#workers.rawAdded + this.#meta.rawAdded;
  }

  /** Stores a stream whole, to be given to `tree.addStored`. */
  storeStream: FilePipeline['storeStream'] = (stream) => this.#pipeline.storeStream(stream);

  /** Waits until everything is stored and durable, index objects last. */
  async finish(): Promise<WrittenTree> {
    await this.#pipeline.drain();
    const { root } = this.tree;
    if (root === undefined) throw new AppError('internal', 'The walk ended before its root');
    this.#meta.flush();
    await this.#workers.flush();
    await this.#uploader.finish();
    return { root, relied: this.#relied() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#workers[Symbol.asyncDispose]();
    await this.#uploader.settle();
  }

  #relied(): KnownPack[] {
    const { table, packs } = this.#run;
    const relied: KnownPack[] = [];
    for (let number = 0; number < table.packCount; number++) {
      if (!table.isRelied(number)) continue;
      const pack = packs[number] ?? this.#uploader.packs.get(number);
      if (pack === undefined) {
        throw new AppError('internal', `Pack ${number} is relied on but was never stored`);
      }
      relied.push(pack);
    }
    return relied;
  }
}
