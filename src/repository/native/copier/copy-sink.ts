import { signerFromSeed } from '../../../codec/encryption/signature.ts';
import { systemRandom } from '../../../base/random.ts';
import { BlobNamer, blobType } from '../content/blob-id.ts';
import { idSize } from '../content/content-list.ts';
import { BlobTable } from '../index/blob-table.ts';
import { BlobPacker } from '../packs/blob-packer.ts';
import type { FinishedPack } from '../packs/pack-builder.ts';
import type { BlobSink } from '../worker/blob-sink.ts';
import type { StoreWorkerSetup } from '../worker/messages.ts';
import { allocatePackStates, PackMemory } from '../worker/pack-memory.ts';

/** What a thread needs that stores content in the target. */
export type CopySinkSetup = Pick<StoreWorkerSetup, 'table' | 'context' | 'idKey'>;

/** A pack of the target that is to be stored. Its bytes lie in a slot of the memory that `states` guards (pack-memory.ts). */
export interface CopiedPack {
  readonly pack: FinishedPack;
  readonly slot: number;
  readonly states: SharedArrayBuffer;
}

/** What became of the blobs of a task. */
export interface CopyAnswer {
  readonly uses: readonly number[];
  /** The id that each of them has in the target, 32 bytes one after the other. */
  readonly ids: Uint8Array;
}

/** Loaded by the threads that open segments of the source (`BlobSinkModule`): stores their blobs in packs of the target. */
export function openSink(setup: unknown, tell: (pack: CopiedPack) => void): BlobSink {
  return new CopySink(setup as CopySinkSetup, tell);
}

class CopySink implements BlobSink {
  readonly #packer: BlobPacker;
  #uses: number[] = [];
  #ids: Uint8Array[] = [];

  constructor({ table, context, idKey }: CopySinkSetup, tell: (pack: CopiedPack) => void) {
    const states = allocatePackStates();
    const memory = new PackMemory(states);
    const { signerSeed, ...shared } = context;
    this.#packer = new BlobPacker(
      { ...shared, signer: signerFromSeed(signerSeed), random: systemRandom },
      'data',
      new BlobTable(table),
      new BlobNamer(idKey),
      (pack) => tell({ pack, slot: memory.slot, states }),
      (size) => memory.take(size),
    );
  }

  begin(): void {
    this.#uses = [];
    this.#ids = [];
  }

  take(use: number, bytes: Uint8Array): void {
    this.#uses.push(use);
    this.#ids.push(this.#packer.add(blobType.data, bytes));
  }

  end(): CopyAnswer {
    const ids = new Uint8Array(this.#ids.length * idSize);
    for (const [index, id] of this.#ids.entries()) ids.set(id, index * idSize);
    return { uses: this.#uses, ids };
  }

  flush(): void {
    this.#packer.flush();
  }

  [Symbol.dispose](): void {
    // What was not flushed belongs to a run that was given up.
  }
}
