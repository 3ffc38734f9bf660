import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { Semaphore } from '../../../base/semaphore.ts';
import type { Body } from '../../body.ts';
import type { HttpResponse } from '../../network/http-client.ts';
import type { ObjectKeys } from '../../network/object-keys.ts';
import { openRange, type OpenedRange } from '../../network/ranged-read.ts';
import { canStartName } from '../../object-name.ts';
import type {
  GetOptions,
  PutOptions,
  Storage,
  StorageCapabilities,
  StorageObject,
} from '../../storage.ts';
import type { AzureConnection } from './azure-connection.ts';
import { parseBlobPage } from './blob-listing.ts';
import { largestBlob, uploadBlob } from './block-upload.ts';

/** Parts of streams that are in memory at once. */
const partsInMemory = 8;

/** Objects of one page of a listing; the service gives no more. */
const pageSize = 5000;

export interface AzureStorageSettings {
  readonly location: string;
  readonly connection: AzureConnection;
  readonly keys: ObjectKeys;
  readonly clock: Clock;
  /** Bytes. */
  readonly partSize: number;
  readonly createContainer: boolean;
  readonly tier: string | undefined;
  /** What keeps new objects from being deleted, and for how many milliseconds. */
  readonly immutability: { readonly mode: string; readonly period: number } | undefined;
  /** Connections to close at the end. */
  readonly clients: readonly AsyncDisposable[];
}

/** The block blobs of a container of Azure Blob Storage. */
export class AzureStorage implements Storage {
  readonly location: string;
  readonly capabilities: StorageCapabilities = {
    atomicReplace: true,
    conditionalPut: true,
    listingLag: 0,
    modifiedTimes: true,
    maxObjectSize: largestBlob,
    concurrency: 16,
  };
  readonly #settings: AzureStorageSettings;
  readonly #connection: AzureConnection;
  readonly #keys: ObjectKeys;
  readonly #memory = new Semaphore(partsInMemory);

  constructor(settings: AzureStorageSettings) {
    this.#settings = settings;
    this.#connection = settings.connection;
    this.#keys = settings.keys;
    this.location = settings.location;
  }

  async put(
    name: string,
    body: Body,
    { signal, ifAbsent = false }: PutOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    const key = this.#keys.keyOf(name);
    const { partSize, createContainer } = this.#settings;
    const upload = (): Promise<void> =>
      uploadBlob(
        this.#connection,
        body,
        { name, key, ifAbsent, headers: this.#headersForNew(), signal },
        { partSize, memory: this.#memory },
      );
    try {
      await upload();
    } catch (error) {
      if (!createContainer || !hasCode(error, 'storage/no-container')) throw error;
      await this.#createContainer({ signal });
      await upload();
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
    const response = await this.#about(name, {
      method: 'HEAD',
      action: `look at "${name}"`,
      expected: [200],
      signal,
    });
    const size = Number(response.header('content-length') ?? Number.NaN);
    const modified = Date.parse(response.header('last-modified') ?? '');
    await response.discard();
    if (!Number.isSafeInteger(size)) {
      throw new AppError(
        'storage/unavailable',
        `Cannot look at "${name}": the service does not say how large it is`,
      );
    }
    return { name, size, ...(!Number.isNaN(modified) && { modified }) };
  }

  async *list(
    prefix: string,
    { signal }: CallOptions = {},
  ): AsyncGenerator<StorageObject, void, undefined> {
    signal?.throwIfAborted();
    if (!canStartName(prefix)) return;
    const action = `list "${prefix}"`;
    let marker = '';
    do {
      const xml = await this.#page(prefix, marker, action, { signal });
      if (xml === undefined) return;
      const page = parseBlobPage(xml, action);
      for (const { key, size, modified } of page.blobs) {
        const name = this.#keys.nameOf(key);
        if (name === undefined || !name.startsWith(prefix)) continue;
        yield { name, size, modified };
        signal?.throwIfAborted();
      }
      ({ marker } = page);
    } while (marker !== '');
  }

  async delete(name: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    try {
      const response = await this.#about(name, {
        method: 'DELETE',
        headers: { 'x-ms-delete-snapshots': 'include' },
        action: `delete "${name}"`,
        expected: [202],
        signal,
      });
      await response.discard();
    } catch (error) {
      if (!hasCode(error, 'storage/not-found')) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#settings.clients.map((client) => client[Symbol.asyncDispose]()));
  }

  async #open(name: string, { signal, range }: GetOptions): Promise<OpenedRange> {
    signal?.throwIfAborted();
    return await openRange(name, range, {
      get: (header) =>
        this.#about(name, {
          method: 'GET',
          ...(header !== undefined && { headers: { 'x-ms-range': header } }),
          action: `read "${name}"`,
          expected: [200, 206, 416],
          signal,
        }),
      size: async () => (await this.stat(name, { signal })).size,
    });
  }

  /** A request about an object. In a container that the first `put` is to make, nothing is found. */
  async #about(
    name: string,
    request: Omit<Parameters<AzureConnection['send']>[0], 'key'>,
  ): Promise<HttpResponse> {
    try {
      return await this.#connection.send({ ...request, key: this.#keys.keyOf(name) });
    } catch (error) {
      if (!this.#settings.createContainer || !hasCode(error, 'storage/no-container')) throw error;
      throw new AppError(
        'storage/not-found',
        `Cannot ${request.action}: there is no container yet`,
        {
          cause: error,
        },
      );
    }
  }

  async #page(
    prefix: string,
    marker: string,
    action: string,
    options: CallOptions,
  ): Promise<string | undefined> {
    const start = this.#keys.startOf(prefix);
    try {
      const response = await this.#connection.send({
        method: 'GET',
        query: {
          restype: 'container',
          comp: 'list',
          maxresults: String(pageSize),
          ...(start !== '' && { prefix: start }),
          ...(marker !== '' && { marker }),
        },
        action,
        expected: [200],
        ...options,
      });
      return await response.text();
    } catch (error) {
      const isAwaited = this.#settings.createContainer && marker === '';
      if (isAwaited && hasCode(error, 'storage/no-container')) return undefined;
      throw error;
    }
  }

  async #createContainer(options: CallOptions): Promise<void> {
    const response = await this.#connection.send({
      method: 'PUT',
      query: { restype: 'container' },
      body: new Uint8Array(),
      action: 'make the container',
      // 409: somebody else has just made it.
      expected: [201, 409],
      ...options,
    });
    await response.discard();
  }

  #headersForNew(): Readonly<Record<string, string>> {
    const { tier, immutability, clock } = this.#settings;
    return {
      ...(tier !== undefined && {
        'x-ms-access-tier': `${tier[0]?.toUpperCase()}${tier.slice(1)}`,
      }),
      ...(immutability !== undefined && {
        'x-ms-immutability-policy-mode': immutability.mode,
        'x-ms-immutability-policy-until-date': new Date(
          clock.now() + immutability.period,
        ).toUTCString(),
      }),
    };
  }
}
