import {
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
} from '@aws-sdk/client-s3';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { resolveRange } from '../../byte-range.ts';
import { collect } from '../../byte-stream.ts';
import { emptyContent, type OpenedRange } from '../../network/ranged-read.ts';
import type { ByteRange, GetOptions, StorageObject } from '../../storage.ts';
import type { S3Connection } from './connection.ts';
import { answerOf } from './request-handler.ts';
import { isFromService, saysNothing, statusOf } from './translate-error.ts';

/** Looks at objects and reads them. */
export class ObjectReader {
  readonly #connection: S3Connection;
  readonly #keyOf: (name: string) => string;

  constructor(connection: S3Connection, keyOf: (name: string) => string) {
    this.#connection = connection;
    this.#keyOf = keyOf;
  }

  async open(name: string, { signal, range }: GetOptions): Promise<OpenedRange> {
    const header = range === undefined ? undefined : headerFor(range);
    if (range !== undefined && header === undefined)
      return this.#openExactly(name, range, { signal });
    let answer: GetObjectCommandOutput;
    try {
      answer = await this.#get(name, header, { signal });
    } catch (error) {
      // The service calls an empty range at the end wrong, too.
      if (range !== undefined && hasCode(error, 'storage/bad-range'))
        return this.#openExactly(name, range, { signal });
      throw error;
    }
    return this.#opened(name, answer, range, header !== undefined);
  }

  async stat(name: string, { signal }: CallOptions): Promise<StorageObject> {
    const { destination } = this.#connection;
    const action = `look at "${name}"`;
    const Key = this.#keyOf(name);
    const connection = this.#connection;
    const head = await connection.call(action, { signal }, async (client) => {
      try {
        return await client.send(new HeadObjectCommand({ Bucket: destination.bucket, Key }));
      } catch (error) {
        // The answer to HEAD has no room for a reason, such as a missing bucket; the same question by GET has.
        const settled = connection.bucketSeen && statusOf(error) === 404 && isFromService(error);
        if (settled || !saysNothing(error) || statusOf(error) === 503) throw error;
        const answer = await client.send(
          new GetObjectCommand({ Bucket: destination.bucket, Key, Range: 'bytes=0-0' }),
        );
        await streamIn(answer)?.cancel();
        throw error;
      }
    });
    if (head.ContentLength === undefined) throw unclear(action, 'how large it is');
    return {
      name,
      size: head.ContentLength,
      ...(head.LastModified && { modified: head.LastModified.getTime() }),
    };
  }

  /** For ranges that a request cannot express, or the service has refused: by the size of the object. */
  async #openExactly(
    name: string,
    range: ByteRange,
    { signal }: CallOptions,
  ): Promise<OpenedRange> {
    const { size } = await this.stat(name, { signal });
    const { offset, length } = resolveRange(name, size, range);
    if (length === 0) return emptyContent();
    const header = `bytes=${offset}-${offset + length - 1}`;
    const answer = await this.#get(name, header, { signal });
    return this.#opened(name, answer, { offset, length }, true);
  }

  async #get(
    name: string,
    header: string | undefined,
    { signal }: CallOptions,
  ): Promise<GetObjectCommandOutput> {
    const { destination } = this.#connection;
    const Key = this.#keyOf(name);
    const command = { Bucket: destination.bucket, Key, ...(header && { Range: header }) };
    return this.#connection.call(`read "${name}"`, { signal }, (client) =>
      client.send(new GetObjectCommand(command)),
    );
  }

  async #opened(
    name: string,
    answer: GetObjectCommandOutput,
    range: ByteRange | undefined,
    isPart: boolean,
  ): Promise<OpenedRange> {
    const stream = streamIn(answer);
    const action = `read "${name}"`;
    if (stream === undefined) throw unclear(action, 'its contents');
    try {
      // That so much comes, no more and no less, is seen to by the HTTP client.
      const length = answer.ContentLength;
      if (length === undefined) throw unclear(action, 'how much it sends');
      if (range === undefined || !isPart) return contentOf(name, stream, length);
      const [, from, to, total] =
        /^bytes (\d+)-(\d+)\/(\d+)$/u.exec(answer.ContentRange ?? '') ?? [];
      if (total === undefined) throw unclear(action, 'which part of it it sends');
      const wanted = resolveRange(name, Number(total), range);
      const given = Number(to) - Number(from) + 1;
      if (Number(from) !== wanted.offset || given !== wanted.length || length !== wanted.length)
        throw unclear(action, 'the part that was asked for');
      return contentOf(name, stream, length);
    } catch (error) {
      await stream.cancel().catch(() => undefined);
      throw error;
    }
  }
}

function contentOf(name: string, stream: ReadableStream<Uint8Array>, length: number): OpenedRange {
  const answer = answerOf(stream);
  return {
    length,
    stream,
    bytes: () => (answer === undefined ? collect(name, stream, length) : answer.read(length)),
  };
}

/** The `Range` of a request; `undefined` for a range that it cannot express, or that cannot be right. */
function headerFor({ offset, length }: ByteRange): string | undefined {
  if (!Number.isSafeInteger(offset) || (length !== undefined && !Number.isSafeInteger(length)))
    return undefined;
  if (offset < 0) return length === undefined ? `bytes=${offset}` : undefined;
  if (length === undefined) return `bytes=${offset}-`;
  return length > 0 ? `bytes=${offset}-${offset + length - 1}` : undefined;
}

/** The request handler gives web streams, which is what the SDK hands on. */
function streamIn({ Body }: GetObjectCommandOutput): ReadableStream<Uint8Array> | undefined {
  return Body as unknown as ReadableStream<Uint8Array> | undefined;
}

function unclear(action: string, what: string): AppError {
  return new AppError('storage/unavailable', `Cannot ${action}: the service does not give ${what}`);
}
