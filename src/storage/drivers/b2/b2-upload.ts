import { createHash } from 'node:crypto';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import type { Semaphore } from '../../../base/semaphore.ts';
import { type Body, piecesOf, sizeOfBody } from '../../body.ts';
import type { HttpClient } from '../../network/http-client.ts';
import { encodeKey } from '../../network/object-keys.ts';
import { uploadParts } from '../../network/body-parts.ts';
import type { AnswerFields } from './answer-fields.ts';
import type { B2Account } from './b2-account.ts';
import { type UploadUrl, UploadUrls } from './upload-urls.ts';

const mebibyte = 1024 ** 2;

/** A large file has at most so many parts, each of at most 5 GB, and 10 TB altogether. */
const mostParts = 10_000;

export const largestFile = 10_000_000_000_000;

/** Parts of one large file that are under way at once. */
const parallelParts = 4;

/** Objects of up to so many parts go in one request: a large file takes three more. */
const partsInOneRequest = 4;

/** An array is hashed before it is sent up to this size, while it is sent above it. */
const largestHashedBefore = mebibyte;

const contentType = 'application/octet-stream';

export interface UploadSettings {
  /** Bytes of a part of a large file. */
  readonly partSize: number;
  /** Places for parts of streams in memory. */
  readonly memory: Semaphore;
  /** Locks new objects until then (milliseconds since 1970). */
  readonly retention: (() => { readonly mode: string; readonly until: number }) | undefined;
}

/** Stores objects in a bucket. The service compares the SHA-1 of everything it is sent. */
export class B2Uploader {
  readonly #account: B2Account;
  readonly #client: HttpClient;
  readonly #settings: UploadSettings;
  readonly #urls = new Map<string, UploadUrls>();
  /** Cancellations of large files that are under way. */
  readonly #cancelling = new Set<Promise<unknown>>();

  constructor(account: B2Account, client: HttpClient, settings: UploadSettings) {
    this.#account = account;
    this.#client = client;
    this.#settings = settings;
  }

  async upload(
    bucketId: string,
    name: string,
    key: string,
    body: Body,
    options: CallOptions,
  ): Promise<void> {
    const size = sizeOfBody(body);
    const { smallestPart } = await this.#account.authorization(options);
    const partSize = Math.max(
      this.#settings.partSize,
      smallestPart,
      Math.ceil(size / mostParts / mebibyte) * mebibyte,
    );
    if (size > partSize * partsInOneRequest)
      await this.#large(bucketId, name, key, body, partSize, options);
    else await this.#whole(bucketId, name, key, body, options);
  }

  /** Waits for what has to be tidied up. */
  async settled(): Promise<void> {
    await Promise.all(this.#cancelling);
  }

  async #whole(
    bucketId: string,
    name: string,
    key: string,
    body: Body,
    { signal }: CallOptions,
  ): Promise<void> {
    const action = `store "${name}"`;
    const { retention } = this.#settings;
    const locked = retention?.();
    const sent = hashed(name, body, { signal });
    const answer = await this.#urlsOf(bucketId, action).send({
      headers: {
        'x-bz-file-name': encodeKey(key),
        'content-type': contentType,
        'x-bz-content-sha1': sent.header,
        ...(locked !== undefined && {
          'x-bz-file-retention-mode': locked.mode,
          'x-bz-file-retention-retain-until-timestamp': String(locked.until),
        }),
      },
      body: sent.body,
      action,
      signal,
    });
    checkStored(answer, action, sizeOfBody(body), sent.sha1());
  }

  async #large(
    bucketId: string,
    name: string,
    key: string,
    body: Body,
    partSize: number,
    options: CallOptions,
  ): Promise<void> {
    const action = `store "${name}"`;
    const { memory, retention } = this.#settings;
    const locked = retention?.();
    const started = await this.#account.call(
      'b2_start_large_file',
      {
        bucketId,
        fileName: key,
        contentType,
        ...(locked !== undefined && {
          fileRetention: { mode: locked.mode, retainUntilTimestamp: locked.until },
        }),
      },
      action,
      options,
    );
    const fileId = started?.text('fileId') ?? '';
    try {
      const urls = new UploadUrls(this.#client, (inner) =>
        this.#uploadUrl('b2_get_upload_part_url', { fileId }, action, inner),
      );
      const sums = await uploadParts(
        name,
        body,
        { partSize, parallel: parallelParts, memory },
        async ({ index, bytes }, { signal }) => {
          const sha1 = sha1Of(bytes);
          const answer = await urls.send({
            headers: { 'x-bz-part-number': String(index + 1), 'x-bz-content-sha1': sha1 },
            body: bytes,
            action,
            signal,
          });
          checkStored(answer, action, bytes.byteLength, sha1);
          return sha1;
        },
        options,
      );
      await this.#account.call(
        'b2_finish_large_file',
        { fileId, partSha1Array: sums },
        action,
        options,
      );
    } catch (error) {
      this.#cancel(fileId);
      throw error;
    }
  }

  /** Nobody waits for it, and whatever it does not reach, a later session cancels. */
  #cancel(fileId: string): void {
    const cancelling = this.#account
      .call('b2_cancel_large_file', { fileId }, 'cancel an upload', {
        signal: AbortSignal.timeout(10_000),
      })
      .catch(() => undefined)
      .finally(() => this.#cancelling.delete(cancelling));
    this.#cancelling.add(cancelling);
  }

  #urlsOf(bucketId: string, action: string): UploadUrls {
    const known = this.#urls.get(bucketId);
    if (known !== undefined) return known;
    const urls = new UploadUrls(this.#client, (options) =>
      this.#uploadUrl('b2_get_upload_url', { bucketId }, action, options),
    );
    this.#urls.set(bucketId, urls);
    return urls;
  }

  async #uploadUrl(
    operation: string,
    fields: Readonly<Record<string, string>>,
    action: string,
    options: CallOptions,
  ): Promise<UploadUrl> {
    const answer = await this.#account.call(operation, fields, action, options);
    return {
      url: answer?.text('uploadUrl') ?? '',
      token: answer?.text('authorizationToken') ?? '',
    };
  }
}

interface HashedBody {
  /** The SHA-1, or that it comes after the body. */
  readonly header: string;
  readonly body: Body;
  /** Known once the body has been sent. */
  sha1(): string;
}

function hashed(name: string, body: Body, options: CallOptions): HashedBody {
  if (body instanceof Uint8Array && body.byteLength <= largestHashedBefore) {
    const sha1 = sha1Of(body);
    return { header: sha1, body, sha1: () => sha1 };
  }
  let sum = '';
  async function* withSum(): AsyncGenerator<Uint8Array, void, undefined> {
    const hash = createHash('sha1');
    for await (const piece of piecesOf(name, body, options)) {
      // A large array comes in one piece, and hashing it at once would hold everything else up.
      for (let at = 0; at < piece.byteLength; at += mebibyte) {
        const slice = piece.subarray(at, at + mebibyte);
        hash.update(slice);
        yield slice;
      }
    }
    sum = hash.digest('hex');
    yield Buffer.from(sum, 'latin1');
  }
  return {
    header: 'hex_digits_at_end',
    body: { size: sizeOfBody(body) + 40, stream: () => ReadableStream.from<Uint8Array>(withSum()) },
    sha1: () => sum,
  };
}

function sha1Of(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex');
}

function checkStored(answer: AnswerFields, action: string, size: number, sha1: string): void {
  const stored = answer.optionalText('contentSha1') ?? '';
  if (answer.number('contentLength') === size && stored.replace(/^unverified:/u, '') === sha1)
    return;
  throw new AppError(
    'storage/unavailable',
    `Cannot ${action}: the service has not stored what was sent`,
  );
}
