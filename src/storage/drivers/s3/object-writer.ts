import { CreateBucketCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { type Body, piecesOf, sizeOfBody } from '../../body.ts';
import type { S3Connection } from './connection.ts';
import type { MultipartUploads } from './multipart-uploads.ts';
import type { PartBuffers } from './part-buffers.ts';
import { checksOf, checksOfStream, type WantedChecks } from './payload.ts';
import { type PutSettings, withSettings } from './put-settings.ts';

export interface WriterSettings {
  readonly connection: S3Connection;
  readonly keyOf: (name: string) => string;
  readonly uploads: MultipartUploads;
  readonly buffers: PartBuffers;
  readonly checks: WantedChecks;
  /** What an object is stored with that is stored now. */
  readonly settings: () => PutSettings;
  readonly createsBucket: boolean;
}

/** A request can carry no more; 5 GiB. */
const largestRequest = 5 * 1024 ** 3;

/** Objects in memory go in one request up to so many parts: nothing is gained by cutting them. */
const partsInOneRequest = 4;

/** Stores objects: in one request, or in parts. */
export class ObjectWriter {
  readonly #settings: WriterSettings;
  #making: Promise<void> | undefined;

  constructor(settings: WriterSettings) {
    this.#settings = settings;
  }

  /** With `condition` the request is to hold only when there is no such object; then it is one request, whatever the size. */
  async store(
    name: string,
    body: Body,
    { signal, condition = false }: CallOptions & { readonly condition?: boolean },
  ): Promise<void> {
    try {
      await this.#store(name, body, { signal, condition });
    } catch (error) {
      if (!this.#settings.createsBucket || !hasCode(error, 'storage/no-container')) throw error;
      await this.#makeBucket({ signal });
      await this.#store(name, body, { signal, condition });
    }
  }

  async #store(
    name: string,
    body: Body,
    { signal, condition }: CallOptions & { readonly condition: boolean },
  ): Promise<void> {
    const { uploads, buffers } = this.#settings;
    const size = sizeOfBody(body);
    const isInMemory = body instanceof Uint8Array;
    const inParts = size > (isInMemory ? partsInOneRequest : 1) * buffers.partSize;
    if (size > largestRequest || (inParts && !condition))
      return uploads.store(name, body, { signal });
    if (isInMemory) return this.#send(name, body, { signal, condition });
    if (size > buffers.partSize) return this.#stream(name, body, { signal, condition });
    using buffer = await buffers.take(size, { signal });
    let offset = 0;
    for await (const piece of piecesOf(name, body, { signal })) {
      buffer.bytes.set(piece, offset);
      offset += piece.byteLength;
    }
    await this.#send(name, buffer.bytes, { signal, condition });
    buffer.isDone = true;
  }

  async #send(
    name: string,
    bytes: Uint8Array,
    { signal, condition }: CallOptions & { readonly condition: boolean },
  ): Promise<void> {
    const checks = await checksOf(bytes, this.#checks());
    // Each call has an array object of its own, so that what belongs to it can be found by it.
    const Body = bytes.subarray();
    await this.#put(name, Body, bytes.byteLength, checks, { signal, condition });
  }

  async #stream(
    name: string,
    body: Body,
    { signal, condition }: CallOptions & { readonly condition: boolean },
  ): Promise<void> {
    const checks = await checksOfStream(name, body, this.#checks(), { signal });
    await this.#put(name, { ...asSource(body) }, sizeOfBody(body), checks, { signal, condition });
  }

  async #put(
    name: string,
    body: Body,
    size: number,
    checks: Awaited<ReturnType<typeof checksOf>>,
    { signal, condition }: CallOptions & { readonly condition: boolean },
  ): Promise<void> {
    const { connection, keyOf, settings } = this.#settings;
    connection.announce(body, checks);
    const answer = await connection
      .call(`store "${name}"`, { signal }, (client) =>
        client.send(
          new PutObjectCommand({
            Bucket: connection.destination.bucket,
            Key: keyOf(name),
            // The request handler takes what the SDK would not.
            Body: body as Uint8Array,
            ContentLength: size,
            ...(checks.md5 !== undefined && { ContentMD5: checks.md5 }),
            ...(checks.crc32 !== undefined && { ChecksumCRC32: checks.crc32 }),
            ...(condition && { IfNoneMatch: '*' }),
            ...settings(),
          }),
        ),
      )
      .catch((error: unknown) => {
        throw withSettings(error, settings());
      });
    // Every service names what it has stored. A page to log in at, of something in between, has the same status.
    if (answer.ETag === undefined) await this.#confirm(name, size, { signal });
  }

  /** Throws `storage/unavailable` unless an object of this size is there. */
  async #confirm(name: string, size: number, { signal }: CallOptions): Promise<void> {
    const { connection, keyOf } = this.#settings;
    const place = { Bucket: connection.destination.bucket, Key: keyOf(name) };
    const unconfirmed = (cause?: unknown): AppError =>
      new AppError(
        'storage/unavailable',
        `Cannot store "${name}": the service does not confirm that it is there`,
        {
          cause,
          hint: 'Look whether something in between, as a page to log in at, answers instead of the service',
        },
      );
    const found = await connection
      .call(`store "${name}"`, { signal }, (client) => client.send(new HeadObjectCommand(place)))
      .catch((error: unknown) => {
        signal?.throwIfAborted();
        throw hasCode(error, 'storage/not-found') ? unconfirmed(error) : error;
      });
    if (found.ContentLength !== size) throw unconfirmed();
  }

  /** Locked objects must come with a check that is older than signed contents. */
  #checks(): WantedChecks {
    const { checks, settings } = this.#settings;
    return { ...checks, md5: checks.md5 || settings().ObjectLockMode !== undefined };
  }

  /** Once for all that wait. */
  async #makeBucket({ signal }: CallOptions): Promise<void> {
    const { connection, settings } = this.#settings;
    const { bucket } = connection.destination;
    this.#making ??= connection
      .call(`make the bucket "${bucket}"`, {}, async (client) => {
        const locks = settings().ObjectLockMode !== undefined;
        const command = new CreateBucketCommand({
          Bucket: bucket,
          ...(locks && { ObjectLockEnabledForBucket: true }),
        });
        try {
          await client.send(command);
        } catch (error) {
          // Somebody else was quicker.
          if (!(error instanceof Error && error.name === 'BucketAlreadyOwnedByYou')) throw error;
        }
      })
      .finally(() => {
        this.#making = undefined;
      });
    await this.#making;
    signal?.throwIfAborted();
  }
}

/** A new object with the same contents. */
function asSource(body: Body): { readonly size: number; stream(): ReadableStream<Uint8Array> } {
  return body instanceof Uint8Array
    ? { size: body.byteLength, stream: () => ReadableStream.from<Uint8Array>([body]) }
    : { size: body.size, stream: () => body.stream() };
}
