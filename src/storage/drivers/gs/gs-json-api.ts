import { createHash } from 'node:crypto';

import { toHex } from '../../../base/bytes.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import { type Body, piecesOf, sizeOfBody } from '../../body.ts';
import { tapStream } from '../../byte-stream.ts';
import type { HttpResponse } from '../../network/http-client.ts';
import type { ByteSource } from '../../storage.ts';
import type { ApiCall, GsApi, GsObject, GsPage } from './gs-api.ts';
import type { GsConnection, GsRequest } from './gs-connection.ts';
import { type Complaint, gsError, noBucket } from './gs-error.ts';
import type { GsOptions } from './gs-options.ts';
import { field, textField } from '../../network/json-field.ts';
import { uploadInChunks } from './resumable-upload.ts';

export interface GsJsonApiSettings {
  readonly connection: GsConnection;
  readonly options: GsOptions;
  readonly clock: Clock;
}

/** The fields of an object that are asked for. */
const fields = 'name,size,updated,md5Hash,generation';

/** Chunks must be multiples of this. */
const chunkUnit = 256 * 1024;

/** The JSON interface, version 1. Source: Cloud Storage, "JSON API", "Objects" and "Resumable uploads". */
export class GsJsonApi implements GsApi {
  readonly #connection: GsConnection;
  readonly #options: GsOptions;
  readonly #clock: Clock;
  readonly #bucket: string;
  readonly #chunkSize: number;
  /** Something was found in the bucket, so it is there. */
  #isBucketKnown = false;

  constructor({ connection, options, clock }: GsJsonApiSettings) {
    this.#connection = connection;
    this.#options = options;
    this.#clock = clock;
    this.#bucket = encodeURIComponent(options.bucket);
    this.#chunkSize = Math.max(1, Math.round(options['chunk-size'] / chunkUnit)) * chunkUnit;
  }

  async put(
    key: string,
    body: Body,
    { action, ifAbsent, signal }: ApiCall & { readonly ifAbsent: boolean },
  ): Promise<void> {
    const size = sizeOfBody(body);
    const isLarge = size > this.#options['upload-cutoff'];
    const md5 = new RunningMd5(body);
    const storageClass = this.#options['storage-class'];
    const metadata = {
      name: key,
      contentType: 'application/octet-stream',
      ...(storageClass !== undefined && { storageClass: storageClass.toUpperCase() }),
      // With it the service itself refuses what arrives damaged.
      ...(body instanceof Uint8Array && { md5Hash: md5.digest() }),
    };
    const path = this.#path(`/upload/storage/v1/b/${this.#bucket}/o`, {
      uploadType: isLarge ? 'resumable' : 'multipart',
      ...(ifAbsent && { ifGenerationMatch: '0' }),
      fields,
    });
    const response = isLarge
      ? await this.#putInChunks(path, metadata, md5.watched(body), { action, signal })
      : await this.#connection.request({
          method: 'POST',
          path,
          ...multipart(key, metadata, md5.watched(body), { signal }),
          action,
          signal,
        });
    if (response.status === 412 && ifAbsent) {
      await response.discard();
      throw new AppError('storage/already-exists', `Cannot ${action}: it is already there`);
    }
    const stored = await this.#json(response, action);
    const isWhole =
      Number(textField(stored, 'size')) === size && textField(stored, 'md5Hash') === md5.digest();
    if (isWhole) return;
    await this.#removeDamaged(key, textField(stored, 'generation'), { action, signal });
    throw new AppError('storage/unavailable', `Cannot ${action}: the bytes arrived damaged`);
  }

  async get(key: string, range: string | undefined, call: ApiCall): Promise<HttpResponse> {
    const response = await this.#connection.request({
      method: 'GET',
      path: this.#objectPath(key, { alt: 'media' }),
      headers: range === undefined ? {} : { range },
      ...call,
    });
    if ([200, 206, 416].includes(response.status)) {
      this.#isBucketKnown = true;
      return response;
    }
    throw await this.#failure(response, call);
  }

  async stat(key: string, call: ApiCall): Promise<GsObject> {
    const path = this.#objectPath(key, { fields });
    const response = await this.#connection.request({ method: 'GET', path, ...call });
    return readObject(await this.#json(response, call.action, call), call.action);
  }

  async page(start: string, token: string | undefined, call: ApiCall): Promise<GsPage> {
    const path = this.#path(`/storage/v1/b/${this.#bucket}/o`, {
      prefix: start,
      maxResults: '1000',
      fields: 'kind,nextPageToken,items(name,size,updated)',
      ...(token !== undefined && { pageToken: token }),
    });
    const response = await this.#connection.request({ method: 'GET', path, ...call });
    if (response.status === 404) {
      await response.discard();
      throw noBucket(call.action, this.#options.bucket);
    }
    const page = await this.#json(response, call.action, call);
    const items = field(page, 'items') ?? [];
    // Without its kind an answer may be anybody's, and would pass for an empty bucket.
    if (textField(page, 'kind') !== 'storage#objects' || !Array.isArray(items))
      throw unreadable(call.action);
    return {
      objects: items.map((item: unknown) => readObject(item, call.action)),
      next: textField(page, 'nextPageToken'),
    };
  }

  async delete(key: string, call: ApiCall): Promise<void> {
    const path = this.#objectPath(key);
    const response = await this.#connection.request({ method: 'DELETE', path, ...call });
    if (response.status < 200 || response.status > 299) throw await this.#failure(response, call);
    await response.discard();
    this.#isBucketKnown = true;
  }

  async createBucket(call: ApiCall): Promise<void> {
    const { project, location, bucket } = this.#options;
    if (project === undefined) {
      throw new AppError(
        'input/usage',
        `Cannot make the bucket "${bucket}": the option "project" is missing`,
      );
    }
    const storageClass = this.#options['storage-class'];
    const response = await this.#connection.request({
      method: 'POST',
      path: this.#path('/storage/v1/b', { project }),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        name: bucket,
        ...(location !== undefined && { location: location.toUpperCase() }),
        ...(storageClass !== undefined && { storageClass: storageClass.toUpperCase() }),
        iamConfiguration: { uniformBucketLevelAccess: { enabled: true } },
      }),
      ...call,
    });
    if (response.status === 409) {
      // Another one who needed it was quicker, or it is somebody else's: the next call tells.
      await response.discard();
      return;
    }
    await this.#json(response, `make the bucket "${bucket}"`);
  }

  async #putInChunks(
    path: string,
    metadata: { readonly name: string },
    body: Body,
    { action, signal }: ApiCall,
  ): Promise<HttpResponse> {
    const started = await this.#connection.request({
      method: 'POST',
      path,
      headers: {
        'content-type': 'application/json; charset=UTF-8',
        'x-upload-content-type': 'application/octet-stream',
        'x-upload-content-length': String(sizeOfBody(body)),
      },
      body: JSON.stringify(metadata),
      action,
      signal,
    });
    if (started.status !== 200) return started;
    const session = started.header('location');
    await started.discard();
    if (session === undefined || new URL(session).origin !== this.#connection.endpoint.origin) {
      throw new AppError(
        'storage/unavailable',
        `Cannot ${action}: the service does not say where to send it`,
      );
    }
    this.#isBucketKnown = true;
    const { pathname, search } = new URL(session);
    return await uploadInChunks(body, {
      chunkSize: this.#chunkSize,
      clock: this.#clock,
      name: metadata.name,
      action,
      signal,
      send: (request) =>
        this.#connection.request({
          method: 'PUT',
          path: `${pathname}${search}`,
          action,
          signal,
          ...request,
        }),
    });
  }

  /** Only the object that was just stored, not one that was put in its place since. */
  async #removeDamaged(key: string, generation: string | undefined, call: ApiCall): Promise<void> {
    if (generation === undefined) return;
    const path = this.#objectPath(key, { generation });
    const response = await this.#connection.request({ method: 'DELETE', path, ...call });
    await response.discard();
  }

  /** The value of an answer that tells of success. Throws for every other. */
  async #json(
    response: HttpResponse,
    action: string,
    call: ApiCall = { action },
  ): Promise<unknown> {
    if (response.status < 200 || response.status > 299)
      throw await this.#failure(response, { ...call, action });
    this.#isBucketKnown = true;
    return await response.json();
  }

  async #failure(response: HttpResponse, call: ApiCall): Promise<AppError> {
    const complaint = complaintOf(await response.text());
    if (response.status !== 404) return gsError(response, call.action, complaint);
    const { bucket } = this.#options;
    if (/bucket does not exist/iu.test(complaint.message)) return noBucket(call.action, bucket);
    // Any web server says 404, and a proxy whose service is down.
    if (!/^(?:No such object|Not Found)/iu.test(complaint.message)) {
      throw new AppError(
        'storage/unavailable',
        `Cannot ${call.action}: the service answers with status 404 and does not say what is missing`,
      );
    }
    // Some answers only say "Not Found".
    if (!/^No such object/iu.test(complaint.message) && !(await this.#isBucketThere(call)))
      return noBucket(call.action, bucket);
    return new AppError(
      'storage/not-found',
      `Cannot ${call.action}: there is no such object in "gs://${bucket}"`,
    );
  }

  /** Whoever may use the objects need not be allowed to look at the bucket, but may list it. */
  async #isBucketThere(call: ApiCall): Promise<boolean> {
    if (this.#isBucketKnown) return true;
    const path = this.#path(`/storage/v1/b/${this.#bucket}/o`, { maxResults: '1', fields: 'kind' });
    const response = await this.#connection.request({ method: 'GET', path, ...call });
    await response.discard();
    return response.status !== 404;
  }

  #objectPath(key: string, query: Readonly<Record<string, string>> = {}): string {
    return this.#path(`/storage/v1/b/${this.#bucket}/o/${encodeURIComponent(key)}`, query);
  }

  #path(path: string, query: Readonly<Record<string, string>>): GsRequest['path'] {
    const payer = this.#options['user-project'];
    const all = new URLSearchParams({
      ...query,
      ...(payer !== undefined && { userProject: payer }),
    }).toString();
    return all === '' ? path : `${path}?${all}`;
  }
}

/** The checksum of a body while it is sent. */
class RunningMd5 {
  #hash = createHash('md5');
  #digest: string | undefined;

  constructor(body: Body) {
    if (body instanceof Uint8Array) this.#digest = this.#hash.update(body).digest('base64');
  }

  /** In base 64, once all was read. */
  digest(): string {
    return this.#digest ?? this.#hash.copy().digest('base64');
  }

  watched(body: Body): Body {
    if (body instanceof Uint8Array) return body;
    return {
      size: body.size,
      stream: () => {
        const hash = createHash('md5');
        this.#hash = hash;
        return tapStream(body.stream(), { piece: (piece) => void hash.update(piece) });
      },
    };
  }
}

/** A body of two parts, as `multipart/related`: what is known of the object, and its bytes, which are not copied. */
function multipart(
  key: string,
  metadata: object,
  body: Body,
  { signal }: Pick<ApiCall, 'signal'>,
): { readonly headers: Readonly<Record<string, string>>; readonly body: ByteSource } {
  const boundary = toHex(systemRandom(16));
  const head = Buffer.from(
    `--${boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n${JSON.stringify(metadata)}\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\n\r\n`,
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  async function* pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    yield head;
    yield* piecesOf(key, body, { signal });
    yield tail;
  }
  return {
    headers: { 'content-type': `multipart/related; boundary=${boundary}` },
    body: {
      size: head.byteLength + sizeOfBody(body) + tail.byteLength,
      stream: () => ReadableStream.from<Uint8Array>(pieces()),
    },
  };
}

function readObject(value: unknown, action: string): GsObject {
  const key = textField(value, 'name');
  const size = Number(textField(value, 'size') ?? Number.NaN);
  const modified = Date.parse(textField(value, 'updated') ?? '');
  if (key === undefined || !Number.isSafeInteger(size) || Number.isNaN(modified))
    throw unreadable(action);
  return { key, size, modified };
}

function unreadable(action: string): AppError {
  return new AppError(
    'storage/unavailable',
    `Cannot ${action}: the answer of the service is broken`,
  );
}

/** `{error: {message, errors: [{reason}]}}`, or a plain sentence where bytes were asked for. */
function complaintOf(text: string): Complaint {
  try {
    const error = field(JSON.parse(text), 'error');
    const errors = field(error, 'errors');
    const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
    return {
      reason: textField(first, 'reason') ?? '',
      message: textField(error, 'message') ?? '',
    };
  } catch {
    return { reason: '', message: text };
  }
}
