import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import type { Body } from '../../body.ts';
import { ObjectKeys } from '../../network/object-keys.ts';
import { openRange } from '../../network/ranged-read.ts';
import { canStartName } from '../../object-name.ts';
import type {
  GetOptions,
  PutOptions,
  Storage,
  StorageCapabilities,
  StorageObject,
} from '../../storage.ts';
import type { ApiCall, GsApi } from './gs-api.ts';

export interface GsStorageSettings {
  readonly api: GsApi;
  readonly location: string;
  readonly prefix: string;
  readonly createBucket: boolean;
  readonly concurrency: number;
  /** Ends the connections. */
  readonly close: () => Promise<void>;
}

/** 5 TiB. */
const maxObjectSize = 5 * 1024 ** 4;

/** The objects of one bucket below a prefix. */
export class GsStorage implements Storage {
  readonly location: string;
  readonly capabilities: StorageCapabilities;
  readonly #settings: GsStorageSettings;
  readonly #api: GsApi;
  readonly #keys: ObjectKeys;

  constructor(settings: GsStorageSettings) {
    this.#settings = settings;
    this.#api = settings.api;
    this.location = settings.location;
    this.#keys = new ObjectKeys(settings.prefix);
    this.capabilities = {
      atomicReplace: true,
      conditionalPut: true,
      listingLag: 0,
      modifiedTimes: true,
      maxObjectSize,
      concurrency: settings.concurrency,
    };
  }

  async put(
    name: string,
    body: Body,
    { signal, ifAbsent = false }: PutOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    const key = this.#keys.keyOf(name);
    const call = { action: `store "${name}"`, ifAbsent, signal };
    try {
      await this.#api.put(key, body, call);
    } catch (error) {
      if (!this.#settings.createBucket || !hasCode(error, 'storage/no-container')) throw error;
      await this.#api.createBucket(call);
      await this.#api.put(key, body, call);
    }
  }

  async get(name: string, options: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return (await this.#open(name, options)).stream;
  }

  async read(name: string, options: GetOptions = {}): Promise<Uint8Array> {
    return await (await this.#open(name, options)).bytes();
  }

  async stat(name: string, { signal }: CallOptions = {}): Promise<StorageObject> {
    signal?.throwIfAborted();
    const key = this.#keys.keyOf(name);
    const call = { action: `look at "${name}"`, signal };
    const { size, modified } = await this.#api.stat(key, call).catch(this.#missing(name));
    return { name, size, modified };
  }

  async *list(
    prefix: string,
    { signal }: CallOptions = {},
  ): AsyncGenerator<StorageObject, void, undefined> {
    signal?.throwIfAborted();
    if (!canStartName(prefix)) return;
    const call: ApiCall = { action: `list "${prefix}"`, signal };
    const start = this.#keys.startOf(prefix);
    const tokens = new Set<string>();
    let token: string | undefined;
    do {
      let page;
      try {
        page = await this.#api.page(start, token, call);
      } catch (error) {
        if (token === undefined && this.#isYetToBeMade(error)) return;
        throw error;
      }
      for (const { key, size, modified } of page.objects) {
        const name = this.#keys.nameOf(key);
        if (name?.startsWith(prefix) !== true) continue;
        yield { name, size, modified };
        signal?.throwIfAborted();
      }
      token = page.next;
      if (token !== undefined && tokens.has(token)) {
        throw new AppError(
          'storage/unavailable',
          `Cannot ${call.action}: the service gives the same page again`,
        );
      }
      tokens.add(token ?? '');
    } while (token !== undefined);
  }

  async delete(name: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const key = this.#keys.keyOf(name);
    try {
      await this.#api.delete(key, { action: `delete "${name}"`, signal });
    } catch (error) {
      if (!hasCode(error, 'storage/not-found') && !this.#isYetToBeMade(error)) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#settings.close();
  }

  async #open(name: string, { signal, range }: GetOptions): ReturnType<typeof openRange> {
    signal?.throwIfAborted();
    const key = this.#keys.keyOf(name);
    const call = { action: `read "${name}"`, signal };
    return await openRange(name, range, {
      get: (wanted) => this.#api.get(key, wanted, call),
      size: async () => (await this.#api.stat(key, call)).size,
    }).catch(this.#missing(name));
  }

  /** In a bucket that the first `put` will make there is no object. */
  #missing(name: string): (error: unknown) => never {
    return (error) => {
      if (!this.#isYetToBeMade(error)) throw error;
      throw new AppError('storage/not-found', `No object "${name}" in "${this.location}"`, {
        cause: error,
      });
    };
  }

  #isYetToBeMade(error: unknown): boolean {
    return this.#settings.createBucket && hasCode(error, 'storage/no-container');
  }
}
