import { toHex } from '../../../base/bytes.ts';
import type { Access } from '../access.ts';
import { encodeIndexObject, splitIndex, type IndexedPack } from '../objects/index-object.ts';
import { packName } from '../objects/object-name.ts';
import type { FinishedPack } from '../packs/pack-builder.ts';

/** An index object is published at the latest this long after the one before. */
const INDEX_INTERVAL = 10 * 60 * 1000;
/** … and as soon as there are tables of this many bytes for it. */
const INDEX_BYTES = 6 * 1024 * 1024;

/** A pack that is durable in the storage. */
export interface UploadedPack {
  /** In hexadecimal. */
  readonly name: string;
  readonly size: number;
}

/**
 * Stores packs, several at once, and publishes index objects for those that are durable (W5). The order is what counts: a pack is named by an index object only
 * after the storage has answered for it.
 */
export class PackUploader {
  readonly #access: Access;
  readonly #signal: AbortSignal;
  readonly #limit: number;
  readonly #running = new Set<Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #unindexed: IndexedPack[] = [];
  #unindexedBytes = 0;
  #lastIndex: number;
  #publishing: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  /** Every pack of this run by the number it has in the blob table. */
  readonly packs = new Map<number, UploadedPack>();
  /** Bytes that were stored. */
  stored = 0;

  /** `limit`: packs that may be in memory at once. */
  constructor(access: Access, limit: number, signal: AbortSignal) {
    this.#access = access;
    this.#signal = signal;
    this.#limit = limit;
    this.#lastIndex = access.clock.monotonic();
  }

  /**
   * Begins to store a pack; `release` is called when its memory is free again, also after a failure: whoever waits for it must not wait for ever. Failures
   * come out of `ready` and `finish`; nothing more is stored then.
   */
  add(pack: FinishedPack, release: () => void = () => undefined): void {
    const stored = this.#failure === undefined ? this.#store(pack) : Promise.resolve();
    const upload: Promise<void> = stored
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        release();
        this.#running.delete(upload);
        for (const resolve of this.#waiting.splice(0)) resolve();
      });
    this.#running.add(upload);
  }

  /** Resolves while there is memory for another pack. */
  ready(): Promise<void> | undefined {
    return this.#running.size < this.#limit && this.#failure === undefined
      ? undefined
      : this.#wait();
  }

  /** Resolves when every pack is durable and named by a durable index object. */
  async finish(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    this.#throwFailure();
    await this.#publishIndex();
    this.#throwFailure();
  }

  /** Resolves when nothing is under way any more, whatever came of it: for whoever gives up. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  async #wait(): Promise<void> {
    this.#throwFailure();
    while (this.#running.size >= this.#limit) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.#throwFailure();
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #store({ pack, name, bytes, table }: FinishedPack): Promise<void> {
    const hex = toHex(name);
    const size = bytes.length;
    await this.#access.storage.put(packName(hex), bytes, { signal: this.#signal });
    this.stored += size;
    this.packs.set(pack, { name: hex, size });
    this.#unindexed.push({ name, size, table });
    this.#unindexedBytes += table.length;
    const age = this.#access.clock.monotonic() - this.#lastIndex;
    if (age > INDEX_INTERVAL || this.#unindexedBytes > INDEX_BYTES) await this.#publishIndex();
  }

  #publishIndex(): Promise<void> {
    const packs = this.#unindexed;
    this.#unindexed = [];
    this.#unindexedBytes = 0;
    this.#lastIndex = this.#access.clock.monotonic();
    this.#publishing = this.#publishing.then(() => this.#put(packs));
    return this.#publishing;
  }

  async #put(packs: readonly IndexedPack[]): Promise<void> {
    const { storage, signing } = this.#access;
    for (const part of splitIndex({ packs, supersedes: [] })) {
      const { name, bytes } = encodeIndexObject(part, signing);
      await storage.put(name, bytes, { signal: this.#signal });
      this.stored += bytes.length;
    }
  }
}
