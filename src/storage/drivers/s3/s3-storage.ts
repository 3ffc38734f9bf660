import { DeleteObjectCommand } from '@aws-sdk/client-s3';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { type Body, sizeOfBody } from '../../body.ts';
import type { OpenedRange } from '../../network/ranged-read.ts';
import { canStartName, checkObjectName } from '../../object-name.ts';
import type {
  GetOptions,
  PutOptions,
  Storage,
  StorageCapabilities,
  StorageObject,
} from '../../storage.ts';
import { ConditionalPut } from './conditional-put.ts';
import type { S3Connection } from './connection.ts';
import { listObjects } from './list-objects.ts';
import { MultipartUploads } from './multipart-uploads.ts';
import { ObjectReader } from './object-reader.ts';
import { ObjectWriter } from './object-writer.ts';
import { PartBuffers } from './part-buffers.ts';
import { type PutSettings, putSettings } from './put-settings.ts';
import type { S3Options } from './schema.ts';

/** Objects up to this size may be sent twice to learn what the service does with a condition. */
const largestProbe = 64 * 1024;

/** Calls at once that make up for a long way to the service. */
export const concurrency = 24;

/**
 * Objects of a bucket, below a prefix. A put is whole or absent by the nature of the service. In a bucket with versions a delete hides
 * the object and frees nothing: old versions go by the bucket's own lifecycle rules. A locked object can be hidden so, too, and its
 * version cannot be removed before its time, by nobody's key.
 */
export class S3Storage implements Storage {
  readonly location: string;
  readonly capabilities: StorageCapabilities;
  readonly #connection: S3Connection;
  readonly #createsBucket: boolean;
  readonly #listVersion: 'v1' | 'v2';
  readonly #reader: ObjectReader;
  readonly #writer: ObjectWriter;
  readonly #uploads: MultipartUploads;
  readonly #condition: ConditionalPut;

  constructor(connection: S3Connection, options: S3Options, warn: (problem: AppError) => void) {
    const { preset, location, prefix } = connection.destination;
    const keyOf = (name: string): string => prefix + name;
    const shared = {
      connection,
      keyOf,
      buffers: new PartBuffers(options['part-size']),
      checks: {
        unsigned: options['unsigned-payload'],
        md5: false,
        crc32: preset.checksums === true,
      },
      settings: (): PutSettings => putSettings(options, connection.clock),
    };
    this.#connection = connection;
    this.#createsBucket = options['create-bucket'];
    this.location = location;
    this.#listVersion = options['list-version'] ?? preset.listVersion ?? 'v2';
    this.#reader = new ObjectReader(connection, keyOf);
    this.#uploads = new MultipartUploads({
      ...shared,
      root: prefix,
      leftoverAge: options['abort-uploads-after'],
      warn,
    });
    this.#writer = new ObjectWriter({
      ...shared,
      uploads: this.#uploads,
      createsBucket: options['create-bucket'],
    });
    const condition = new ConditionalPut(preset.conditionalPut === true);
    this.#condition = condition;
    this.capabilities = {
      // While Swift replaces a file, a reader may meet the moment in which it has none.
      atomicReplace: preset.name !== 'swift',
      // What is true here may only be found out by the first put.
      get conditionalPut() {
        return condition.isAtomic;
      },
      listingLag: preset.name === 'swift' ? undefined : 0,
      modifiedTimes: true,
      maxObjectSize: 5 * 1024 ** 4,
      concurrency,
    };
  }

  async put(
    name: string,
    body: Body,
    { signal, ifAbsent = false }: PutOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    checkObjectName(name);
    if (!ifAbsent) return this.#writer.store(name, body, { signal });
    await this.#condition.put(
      name,
      {
        send: (condition) => this.#writer.store(name, body, { signal, condition }),
        exists: () => this.#exists(name, { signal }),
        isSmall: sizeOfBody(body) <= largestProbe,
      },
      { signal },
    );
  }

  async get(name: string, { signal, range }: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    signal?.throwIfAborted();
    checkObjectName(name);
    return (await this.#open(name, { signal, ...(range && { range }) })).stream;
  }

  async read(name: string, { signal, range }: GetOptions = {}): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkObjectName(name);
    return await (await this.#open(name, { signal, ...(range && { range }) })).bytes();
  }

  async stat(name: string, { signal }: CallOptions = {}): Promise<StorageObject> {
    signal?.throwIfAborted();
    checkObjectName(name);
    try {
      return await this.#reader.stat(name, { signal });
    } catch (error) {
      throw this.#isAwaited(error) ? notThereYet(`look at "${name}"`, error) : error;
    }
  }

  async *list(
    prefix: string,
    { signal }: CallOptions = {},
  ): AsyncGenerator<StorageObject, void, undefined> {
    signal?.throwIfAborted();
    if (!canStartName(prefix)) return;
    const connection = this.#connection;
    const root = connection.destination.prefix;
    try {
      yield* listObjects({ connection, version: this.#listVersion, root, prefix }, { signal });
    } catch (error) {
      if (!this.#isAwaited(error)) throw error;
    }
  }

  async delete(name: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    checkObjectName(name);
    const { bucket, prefix } = this.#connection.destination;
    try {
      await this.#connection.call(`delete "${name}"`, { signal }, (client) =>
        client.send(new DeleteObjectCommand({ Bucket: bucket, Key: prefix + name })),
      );
    } catch (error) {
      if (!hasCode(error, 'storage/not-found') && !this.#isAwaited(error)) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#uploads[Symbol.asyncDispose]();
    await this.#connection[Symbol.asyncDispose]();
  }

  async #open(name: string, options: GetOptions): Promise<OpenedRange> {
    try {
      return await this.#reader.open(name, options);
    } catch (error) {
      throw this.#isAwaited(error) ? notThereYet(`read "${name}"`, error) : error;
    }
  }

  /** Whether an error says that the bucket is missing which the first `put` is to make. One that was there before is not. */
  #isAwaited(error: unknown): boolean {
    return (
      this.#createsBucket && !this.#connection.bucketSeen && hasCode(error, 'storage/no-container')
    );
  }

  async #exists(name: string, options: CallOptions): Promise<boolean> {
    try {
      await this.#reader.stat(name, options);
      return true;
    } catch (error) {
      // A missing bucket holds nothing; the put will say so, or make it.
      if (hasCode(error, 'storage/not-found', 'storage/no-container')) return false;
      throw error;
    }
  }
}

/** In a bucket that is still to be made nothing is found. */
function notThereYet(action: string, cause: unknown): AppError {
  return new AppError('storage/not-found', `Cannot ${action}: there is no bucket yet`, { cause });
}
