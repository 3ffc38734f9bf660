import { createHash } from 'node:crypto';

import { AppError } from '../../../base/errors.ts';
import { tapStream } from '../../byte-stream.ts';
import type { Body } from '../../body.ts';
import type { HttpResponse } from '../../network/http-client.ts';
import { encodeKey } from '../../network/object-keys.ts';
import type { ApiCall, GsApi, GsObject, GsPage } from './gs-api.ts';
import type { GsConnection } from './gs-connection.ts';
import { type Complaint, gsError, noBucket } from './gs-error.ts';
import type { GsOptions } from './gs-options.ts';
import { childText, parseXml, type XmlElement } from './gs-xml.ts';

type Headers = Readonly<Record<string, string>>;

/** The XML interface, which takes interoperability keys. Source: Cloud Storage, "XML API reference". */
export class GsXmlApi implements GsApi {
  readonly #connection: GsConnection;
  readonly #options: GsOptions;
  readonly #bucket: string;

  constructor(connection: GsConnection, options: GsOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#bucket = `/${encodeURIComponent(options.bucket)}`;
  }

  async put(
    key: string,
    body: Body,
    { action, ifAbsent, signal }: ApiCall & { readonly ifAbsent: boolean },
  ): Promise<void> {
    let hash = createHash('md5');
    const isArray = body instanceof Uint8Array;
    if (isArray) hash.update(body);
    const sent: Body = isArray
      ? body
      : {
          size: body.size,
          stream: () => {
            hash = createHash('md5');
            return tapStream(body.stream(), { piece: (piece) => void hash.update(piece) });
          },
        };
    const digest = (): string => hash.copy().digest('base64');
    const storageClass = this.#options['storage-class'];
    const response = await this.#send({
      method: 'PUT',
      path: this.#pathOf(key),
      headers: {
        'content-type': 'application/octet-stream',
        // With it the service itself refuses what arrives damaged.
        ...(isArray && { 'content-md5': digest() }),
        ...(ifAbsent && { 'x-goog-if-generation-match': '0' }),
        ...(storageClass !== undefined && { 'x-goog-storage-class': storageClass.toUpperCase() }),
      },
      body: sent,
      action,
      signal,
    });
    if (response.status === 412 && ifAbsent) {
      await response.discard();
      throw new AppError('storage/already-exists', `Cannot ${action}: it is already there`);
    }
    await this.#succeeded(response, action);
    const said = /(?:^|[,\s])md5=([A-Za-z0-9+/]+=*)/u.exec(
      response.header('x-goog-hash') ?? '',
    )?.[1];
    await response.discard();
    if (said === digest()) return;
    const generation = response.header('x-goog-generation');
    if (generation !== undefined) {
      const path = `${this.#pathOf(key)}?generation=${generation}`;
      await (await this.#send({ method: 'DELETE', path, action, signal })).discard();
    }
    throw new AppError('storage/unavailable', `Cannot ${action}: the bytes arrived damaged`);
  }

  async get(key: string, range: string | undefined, call: ApiCall): Promise<HttpResponse> {
    const headers: Headers = range === undefined ? {} : { range };
    const response = await this.#send({
      method: 'GET',
      path: this.#pathOf(key),
      headers,
      ...call,
    });
    if (response.status !== 416) await this.#succeeded(response, call.action);
    return response;
  }

  async stat(key: string, call: ApiCall): Promise<GsObject> {
    const response = await this.#send({ method: 'HEAD', path: this.#pathOf(key), ...call });
    if (response.status === 404) {
      await response.discard();
      // An answer without a body does not say what is missing: a reading of it does.
      const instead = await this.get(key, 'bytes=0-0', call);
      await instead.discard();
      throw unreadable(call.action);
    }
    await this.#succeeded(response, call.action);
    await response.discard();
    const size = Number(response.header('content-length') ?? Number.NaN);
    const modified = Date.parse(response.header('last-modified') ?? '');
    if (!Number.isSafeInteger(size) || Number.isNaN(modified)) throw unreadable(call.action);
    return { key, size, modified };
  }

  async page(start: string, token: string | undefined, call: ApiCall): Promise<GsPage> {
    const query = Object.entries({
      'list-type': '2',
      'max-keys': '1000',
      prefix: start,
      ...(token !== undefined && { 'continuation-token': token }),
    }).map(([name, value]) => `${name}=${encodeKey(value).replaceAll('/', '%2F')}`);
    const path = `${this.#bucket}?${query.join('&')}`;
    const response = await this.#send({ method: 'GET', path, ...call });
    await this.#succeeded(response, call.action);
    const page = parseXml(await response.text());
    const isTruncated = childText(page, 'IsTruncated');
    const next = childText(page, 'NextContinuationToken');
    if (page?.name !== 'ListBucketResult' || isTruncated === undefined)
      throw unreadable(call.action);
    if (isTruncated === 'true' && next === undefined) throw unreadable(call.action);
    return {
      objects: page.children
        .filter(({ name }) => name === 'Contents')
        .map((element) => readContents(element, call.action)),
      next: isTruncated === 'true' ? next : undefined,
    };
  }

  async delete(key: string, call: ApiCall): Promise<void> {
    const response = await this.#send({ method: 'DELETE', path: this.#pathOf(key), ...call });
    await this.#succeeded(response, call.action);
    await response.discard();
  }

  async createBucket(call: ApiCall): Promise<void> {
    const { project, location, bucket } = this.#options;
    const storageClass = this.#options['storage-class'];
    const settings = [
      location === undefined
        ? ''
        : `<LocationConstraint>${location.replaceAll(/[^\w-]/gu, '')}</LocationConstraint>`,
      storageClass === undefined
        ? ''
        : `<StorageClass>${storageClass.toUpperCase().replaceAll(/[^\w-]/gu, '')}</StorageClass>`,
    ].join('');
    const response = await this.#send({
      method: 'PUT',
      path: this.#bucket,
      headers: {
        'content-type': 'application/xml',
        ...(project !== undefined && { 'x-goog-project-id': project }),
      },
      body: `<CreateBucketConfiguration>${settings}</CreateBucketConfiguration>`,
      ...call,
    });
    // Another one who needed it was quicker, or it is somebody else's: the next call tells.
    if (response.status !== 409) await this.#succeeded(response, `make the bucket "${bucket}"`);
    await response.discard();
  }

  #send(
    request: Parameters<GsConnection['request']>[0] & { readonly headers?: Headers },
  ): Promise<HttpResponse> {
    const payer = this.#options['user-project'];
    return this.#connection.request({
      ...request,
      headers: { ...request.headers, ...(payer !== undefined && { 'x-goog-user-project': payer }) },
    });
  }

  /** Throws for an answer that is no success, after it was read. */
  async #succeeded(response: HttpResponse, action: string): Promise<void> {
    if (response.status >= 200 && response.status < 300) return;
    const said = complaintOf(await response.text());
    const { bucket } = this.#options;
    if (said.reason === 'NoSuchBucket') throw noBucket(action, bucket);
    if (said.reason === 'NoSuchKey') {
      throw new AppError(
        'storage/not-found',
        `Cannot ${action}: there is no such object in "gs://${bucket}"`,
      );
    }
    // An unknown reason for 404 must not pass for a missing object.
    if (response.status === 404) {
      throw new AppError(
        'storage/unavailable',
        `Cannot ${action}: the service answers with status 404 and does not say what is missing`,
      );
    }
    throw gsError(response, action, said);
  }

  #pathOf(key: string): string {
    return `${this.#bucket}/${encodeKey(key)}`;
  }
}

function readContents(element: XmlElement, action: string): GsObject {
  const key = childText(element, 'Key');
  const size = Number(childText(element, 'Size') ?? Number.NaN);
  const modified = Date.parse(childText(element, 'LastModified') ?? '');
  if (key === undefined || !Number.isSafeInteger(size) || Number.isNaN(modified))
    throw unreadable(action);
  return { key, size, modified };
}

function complaintOf(text: string): Complaint {
  const error = parseXml(text);
  const details = childText(error, 'Details');
  return {
    reason: childText(error, 'Code') ?? '',
    message: [childText(error, 'Message') ?? '', details ?? ''].filter(Boolean).join(': '),
  };
}

function unreadable(action: string): AppError {
  return new AppError(
    'storage/unavailable',
    `Cannot ${action}: the answer of the service is broken`,
  );
}
