import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompletedPart,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  PutObjectRetentionCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { eachPool } from '../../../base/pool.ts';
import { type Body, piecesOf, sizeOfBody } from '../../body.ts';
import type { S3Connection } from './connection.ts';
import type { PartBuffers } from './part-buffers.ts';
import { checksOf, type WantedChecks } from './payload.ts';
import { type PutSettings, withSettings } from './put-settings.ts';
import { withinTime } from './within-time.ts';

export interface UploadSettings {
  readonly connection: S3Connection;
  readonly keyOf: (name: string) => string;
  /** What all keys begin with. */
  readonly root: string;
  readonly buffers: PartBuffers;
  readonly checks: WantedChecks;
  readonly settings: () => PutSettings;
  /** Milliseconds. An upload that began longer ago has no writer any more. */
  readonly leftoverAge: number;
  readonly warn: (problem: AppError) => void;
}

/** Parts of one object that are under way at once. */
const parallel = 4;

/** Parts of an upload, where the service says nothing else. */
const mostParts = 10_000;

/** Milliseconds for tidying up after a failure. */
const patience = 10_000;

interface Part extends Disposable {
  readonly number: number;
  readonly bytes: Uint8Array;
  done(): void;
}

/** Objects that are stored in parts: nothing can be seen of them until the last request. What is not finished is aborted. */
export class MultipartUploads implements AsyncDisposable {
  readonly #settings: UploadSettings;
  /** What is being tidied up. */
  readonly #cleaning = new Set<Promise<void>>();
  readonly #closed = new AbortController();
  #sweeping = false;

  constructor(settings: UploadSettings) {
    this.#settings = settings;
  }

  async store(name: string, body: Body, { signal }: CallOptions): Promise<void> {
    const { connection } = this.#settings;
    this.#sweep();
    const size = sizeOfBody(body);
    const id = await this.#begin(name, { signal });
    try {
      const parts: CompletedPart[] = [];
      await eachPool(
        this.#partsOf(name, body, this.#partSizeOf(size), { signal }),
        parallel,
        async (part, options) => {
          using held = part;
          parts.push(await this.#send(name, id, held, options));
          held.done();
        },
        { signal },
      );
      signal?.throwIfAborted();
      const sorted = parts.toSorted(
        (left, right) => (left.PartNumber ?? 0) - (right.PartNumber ?? 0),
      );
      await connection.call(`store "${name}"`, { signal }, (client) =>
        client.send(
          new CompleteMultipartUploadCommand({
            ...this.#place(name, id),
            MultipartUpload: { Parts: sorted },
          }),
        ),
      );
    } catch (error) {
      this.#later(`abort the upload of "${name}"`, () => this.#abort(this.#place(name, id)));
      throw error;
    }
    await this.#verify(name, size, { signal });
  }

  /** Waits for what is being tidied up, but not for long. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { clock } = this.#settings.connection;
    const over = new AbortController();
    const late = clock.sleep(patience, { signal: over.signal }).then(
      () => this.#closed.abort(),
      () => undefined,
    );
    await Promise.all(this.#cleaning);
    over.abort();
    await late;
  }

  async #begin(name: string, { signal }: CallOptions): Promise<string> {
    const { connection, keyOf, checks, settings } = this.#settings;
    const answer = await connection
      .call(`store "${name}"`, { signal }, (client) =>
        client.send(
          new CreateMultipartUploadCommand({
            Bucket: connection.destination.bucket,
            Key: keyOf(name),
            ...(checks.crc32 && { ChecksumAlgorithm: 'CRC32' as const }),
            ...settings(),
          }),
        ),
      )
      .catch((error: unknown) => {
        throw withSettings(error, settings());
      });
    if (answer.UploadId !== undefined && answer.UploadId !== '') return answer.UploadId;
    throw new AppError('storage/unavailable', `Cannot store "${name}": the upload has no name`);
  }

  async #send(
    name: string,
    id: string,
    { number, bytes }: Part,
    options: CallOptions,
  ): Promise<CompletedPart> {
    const { connection, settings } = this.#settings;
    const wanted = this.#settings.checks;
    const isLocked = settings().ObjectLockMode !== undefined;
    const checks = await checksOf(bytes, { ...wanted, md5: wanted.md5 || isLocked });
    const body = bytes.subarray();
    connection.announce(body, checks);
    const action = `store part ${number} of "${name}"`;
    const answer = await withinTime(
      { action, bytes: bytes.byteLength, clock: connection.clock },
      options,
      ({ signal }) =>
        connection.call(action, { signal }, (client) =>
          client.send(
            new UploadPartCommand({
              ...this.#place(name, id),
              PartNumber: number,
              Body: body,
              ContentLength: bytes.byteLength,
              ...(checks.md5 !== undefined && { ContentMD5: checks.md5 }),
              ...(checks.crc32 !== undefined && { ChecksumCRC32: checks.crc32 }),
            }),
          ),
        ),
    );
    if (answer.ETag === undefined)
      throw new AppError('storage/unavailable', `Cannot ${action}: its tag is missing`);
    return {
      PartNumber: number,
      ETag: answer.ETag,
      ...(checks.crc32 !== undefined && { ChecksumCRC32: checks.crc32 }),
    };
  }

  /** Looks at what the parts have become: some services forget the lock of an object that was stored in parts. */
  async #verify(name: string, size: number, { signal }: CallOptions): Promise<void> {
    const { connection, keyOf, settings } = this.#settings;
    const place = { Bucket: connection.destination.bucket, Key: keyOf(name) };
    const stored = await connection.call(`look at "${name}"`, { signal }, (client) =>
      client.send(new HeadObjectCommand(place)),
    );
    if (stored.ContentLength !== size) {
      throw new AppError(
        'storage/unavailable',
        `Cannot store "${name}": ${stored.ContentLength ?? 'an unknown number'} of ${size} bytes arrived`,
      );
    }
    const { ObjectLockMode, ObjectLockRetainUntilDate } = settings();
    if (ObjectLockMode === undefined || stored.ObjectLockMode !== undefined) return;
    await connection.call(`lock "${name}"`, { signal }, (client) =>
      client.send(
        new PutObjectRetentionCommand({
          ...place,
          ...(stored.VersionId !== undefined && { VersionId: stored.VersionId }),
          Retention: { Mode: ObjectLockMode, RetainUntilDate: ObjectLockRetainUntilDate },
        }),
      ),
    );
  }

  async *#partsOf(
    name: string,
    body: Body,
    partSize: number,
    { signal }: CallOptions,
  ): AsyncGenerator<Part, void, undefined> {
    if (body instanceof Uint8Array) {
      for (let offset = 0, number = 1; offset < body.byteLength; offset += partSize, number++) {
        const bytes = body.subarray(offset, offset + partSize);
        yield { number, bytes, done: () => undefined, [Symbol.dispose]: () => undefined };
      }
      return;
    }
    const { buffers } = this.#settings;
    const lengthFrom = (offset: number): number => Math.min(partSize, body.size - offset);
    let number = 1;
    let start = 0;
    let filled = 0;
    let buffer = await buffers.take(lengthFrom(0), { signal });
    try {
      for await (const piece of piecesOf(name, body, { signal })) {
        for (let from = 0; from < piece.byteLength;) {
          const some = piece.subarray(from, from + buffer.bytes.byteLength - filled);
          buffer.bytes.set(some, filled);
          filled += some.byteLength;
          from += some.byteLength;
          if (filled < buffer.bytes.byteLength) continue;
          const full = buffer;
          yield {
            number: number++,
            bytes: full.bytes,
            done: () => (full.isDone = true),
            [Symbol.dispose]: () => full[Symbol.dispose](),
          };
          start += filled;
          filled = 0;
          if (start < body.size) buffer = await buffers.take(lengthFrom(start), { signal });
        }
      }
    } finally {
      // Given back a second time it does nothing.
      buffer[Symbol.dispose]();
    }
  }

  /** An upload has only so many parts. */
  #partSizeOf(size: number): number {
    const { buffers, connection } = this.#settings;
    const most = connection.destination.preset.maxParts ?? mostParts;
    return Math.max(buffers.partSize, Math.ceil(size / most));
  }

  #place(name: string, id: string): { Bucket: string; Key: string; UploadId: string } {
    const { connection, keyOf } = this.#settings;
    return { Bucket: connection.destination.bucket, Key: keyOf(name), UploadId: id };
  }

  async #abort(place: { Bucket: string; Key: string; UploadId: string }): Promise<void> {
    const { connection } = this.#settings;
    const { signal } = this.#closed;
    await connection.call('abort an upload', { signal }, async (client) => {
      try {
        await client.send(new AbortMultipartUploadCommand(place));
      } catch (error) {
        // It has been finished, and only the answer was lost.
        if (!(error instanceof Error && error.name === 'NoSuchUpload')) throw error;
      }
    });
  }

  /** With the first upload: aborts those of processes that died days ago. */
  #sweep(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#later('abort uploads that were left unfinished', async () => {
      const { connection, root, leftoverAge } = this.#settings;
      const { signal } = this.#closed;
      const oldest = connection.clock.now() - leftoverAge;
      let from: { readonly KeyMarker?: string; readonly UploadIdMarker?: string } = {};
      for (;;) {
        const marks = from;
        const page: ListMultipartUploadsCommandOutput = await connection.call(
          'list unfinished uploads',
          { signal },
          (client) =>
            client.send(
              new ListMultipartUploadsCommand({
                Bucket: connection.destination.bucket,
                Prefix: root,
                ...marks,
              }),
            ),
        );
        for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
          if (Key === undefined || UploadId === undefined || !Key.startsWith(root)) continue;
          if (Initiated === undefined || Initiated.getTime() > oldest) continue;
          await this.#abort({ Bucket: connection.destination.bucket, Key, UploadId });
        }
        if (page.IsTruncated !== true || page.NextKeyMarker === undefined) return;
        from = {
          KeyMarker: page.NextKeyMarker,
          ...(page.NextUploadIdMarker !== undefined && { UploadIdMarker: page.NextUploadIdMarker }),
        };
      }
    });
  }

  /** Nobody waits for it but the end; a failure is shown. The connection being gone is why there is something to tidy up. */
  #later(action: string, work: () => Promise<void>): void {
    const cleaning = work()
      .catch((cause: unknown) => {
        if (this.#closed.signal.aborted || hasCode(cause, 'storage/unavailable')) return;
        this.#settings.warn(
          new AppError('storage/unavailable', `Cannot ${action}`, {
            cause,
            hint: 'The key needs s3:AbortMultipartUpload and s3:ListBucketMultipartUploads; a lifecycle rule of the bucket can do it, too',
          }),
        );
      })
      .finally(() => this.#cleaning.delete(cleaning));
    this.#cleaning.add(cleaning);
  }
}
