import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode, messageOf } from '../../../base/errors.ts';
import { Turns } from '../../../base/turns.ts';
import type { Body } from '../../body.ts';
import { restOfRange } from '../../byte-range.ts';
import { streamOf } from '../../byte-stream.ts';
import { canStartName, checkObjectName } from '../../object-name.ts';
import type {
  GetOptions,
  PutOptions,
  Storage,
  StorageCapabilities,
  StorageObject,
} from '../../storage.ts';
import { goneStore, type Store, type StoreList } from './store-list.ts';

/** Writes an object to one store or to all, and keeps the promises of `Storage.put` over all of them. */
export type Writer = (name: string, body: Body, options: PutOptions) => Promise<void>;

export interface MultiStorageSettings {
  readonly location: string;
  readonly stores: StoreList;
  readonly write: Writer;
  /** Whether a store may be missing when all are listed: only where the others hold the same. */
  readonly mayMiss: boolean;
  /** Whether each object should be in every store it belongs to. */
  readonly isMirror: boolean;
  readonly warn: (problem: AppError) => void;
}

/** Several storages as one. An object is read from the first store that gives it; a listing shows what any of them holds. */
export class MultiStorage implements Storage {
  readonly location: string;
  readonly localDirectories: readonly string[];
  readonly capabilities: StorageCapabilities;
  readonly #settings: MultiStorageSettings;
  readonly #stores: StoreList;
  readonly #turns = new Turns();
  /** What was told already, so that a dead store is told of once, not with each call. */
  readonly #told = new Set<string>();
  #isReady = false;

  constructor(settings: MultiStorageSettings) {
    this.location = settings.location;
    this.localDirectories = settings.stores.all.flatMap(
      ({ storage }) => storage.localDirectories ?? [],
    );
    this.#settings = settings;
    this.#stores = settings.stores;
    this.capabilities = settings.stores.capabilities();
  }

  async put(name: string, body: Body, options: PutOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    checkObjectName(name);
    using _turn = await this.#turns.take(name, options);
    await this.#prepare(options);
    await this.#settings.write(name, body, options);
  }

  async get(name: string, options: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const { signal } = options;
    const open = (stores: readonly Store[], range: GetOptions['range']) =>
      this.#first(name, stores, signal, async ({ storage }) =>
        (await storage.get(name, { signal, ...(range && { range }) })).getReader(),
      );
    let { result: reader, store, others } = await open(this.#readable(name, signal), options.range);
    const tell = (error: unknown): void => this.#tellOfReading(name, store, error);
    let delivered = 0;
    return streamOf(
      {
        async next() {
          for (;;) {
            try {
              const { value } = await reader.read();
              delivered += value?.byteLength ?? 0;
              return value;
            } catch (error) {
              signal?.throwIfAborted();
              const rest = restOfRange(options.range, delivered);
              if (rest === undefined) return undefined;
              // Another store goes on where this one broke off; if none does, this is what went wrong.
              const next = await open(others, rest).catch(() => undefined);
              signal?.throwIfAborted();
              if (next === undefined) throw error;
              tell(error);
              ({ result: reader, store, others } = next);
            }
          }
        },
        // A stream that has failed is over as well; its error is on its way.
        close: async (reason) => reader.cancel(reason).catch(() => undefined),
      },
      { signal },
    );
  }

  async read(name: string, options: GetOptions = {}): Promise<Uint8Array> {
    const stores = this.#readable(name, options.signal);
    const { result } = await this.#first(name, stores, options.signal, ({ storage }) =>
      storage.read(name, options),
    );
    return result;
  }

  async stat(name: string, options: CallOptions = {}): Promise<StorageObject> {
    const stores = this.#readable(name, options.signal);
    const { result } = await this.#first(name, stores, options.signal, ({ storage }) =>
      storage.stat(name, options),
    );
    return result;
  }

  async *list(
    prefix: string,
    options: CallOptions = {},
  ): AsyncGenerator<StorageObject, void, undefined> {
    options.signal?.throwIfAborted();
    if (!canStartName(prefix)) return;
    const seen = new Set<string>();
    const failures: unknown[] = [];
    for (const store of this.#stores.all) {
      try {
        for await (const object of store.storage.list(prefix, options)) {
          if (seen.has(object.name)) continue;
          seen.add(object.name);
          yield object;
        }
      } catch (error) {
        options.signal?.throwIfAborted();
        if (!this.#settings.mayMiss) throw await this.#whyUnlisted(store, error, options);
        failures.push(error);
        const isGone = hasCode(error, 'storage/not-found');
        this.#tell(store, 'list', isGone ? goneStore(store, error) : error);
      }
    }
    if (failures.length === this.#stores.all.length) throw mostTelling(failures);
  }

  /** Tries all stores, and rejects when one of them may still have the object. */
  async delete(name: string, options: CallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    checkObjectName(name);
    using _turn = await this.#turns.take(name, options);
    const failures: unknown[] = [];
    for (const store of this.#stores.all) {
      try {
        await store.storage.delete(name, options);
      } catch (error) {
        options.signal?.throwIfAborted();
        failures.push(error);
      }
    }
    if (failures.length > 0) throw mostTelling(failures);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ends = await Promise.allSettled(
      this.#stores.all.map(({ storage }) => storage[Symbol.asyncDispose]()),
    );
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  #readable(name: string, signal: AbortSignal | undefined): readonly Store[] {
    signal?.throwIfAborted();
    checkObjectName(name);
    return this.#stores.inReadingOrder(name);
  }

  /** The answer of the first store that has one, and the stores that were not asked. */
  async #first<Result>(
    name: string,
    stores: readonly Store[],
    signal: AbortSignal | undefined,
    call: (store: Store) => Promise<Result>,
  ): Promise<{
    readonly result: Result;
    readonly store: Store;
    readonly others: readonly Store[];
  }> {
    const failures: { readonly store: Store; readonly error: unknown }[] = [];
    for (const [index, store] of stores.entries()) {
      try {
        const result = await call(store);
        for (const failure of failures) this.#tellOfReading(name, failure.store, failure.error);
        return { result, store, others: stores.slice(index + 1) };
      } catch (error) {
        signal?.throwIfAborted();
        failures.push({ store, error });
      }
    }
    throw mostTelling(failures.map(({ error }) => error));
  }

  #tellOfReading(name: string, store: Store, error: unknown): void {
    const isMissing = hasCode(error, 'storage/not-found');
    if (isMissing && !(this.#settings.isMirror && this.#stores.ownersOf(name).includes(store)))
      return;
    const { location } = store.storage;
    const lacking = `The store "${location}" has no "${name}", which another store has`;
    if (isMissing)
      this.#tell(store, 'missing', new AppError(error.code, lacking, { cause: error }));
    else this.#tell(store, 'read', error);
  }

  #tell(store: Store, kind: string, problem: unknown): void {
    const key = `${this.#stores.all.indexOf(store)} ${kind}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#settings.warn(
      new AppError('storage/unavailable', `In "${this.location}": ${messageOf(problem)}`, {
        cause: problem,
        hint: 'The work goes on with the other stores; this is told once',
      }),
    );
  }

  /** That nothing exists yet is `storage/not-found`; that one store of several is gone must never look like it. */
  async #whyUnlisted(store: Store, error: unknown, options: CallOptions): Promise<unknown> {
    if (!hasCode(error, 'storage/not-found')) return error;
    return (await this.#stores.areNew(options)) ? error : goneStore(store, error);
  }

  /** Before the first object is written: where every store must be there, they are either all old or all made now. */
  async #prepare(options: CallOptions): Promise<void> {
    if (this.#settings.mayMiss || this.#isReady) return;
    // No object has an empty name.
    using _turn = await this.#turns.take('', options);
    if (this.#isReady) return;
    if (await this.#stores.areNew(options)) await this.#stores.make(options);
    this.#isReady = true;
  }
}

/** Of several failures, one that leaves open whether the object exists rather than one that says it does not. */
function mostTelling(failures: readonly unknown[]): unknown {
  return failures.find((error) => !hasCode(error, 'storage/not-found')) ?? failures[0];
}
