import { createHash } from 'node:crypto';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { Semaphore } from '../../../base/semaphore.ts';
import { type Body, sizeOfBody } from '../../body.ts';
import { tapStream } from '../../byte-stream.ts';
import { encodeKey, ObjectKeys } from '../../network/object-keys.ts';
import { openRange } from '../../network/ranged-read.ts';
import { canStartName } from '../../object-name.ts';
import type { HttpResponse } from '../../network/http-client.ts';
import type {
  GetOptions,
  PutOptions,
  Storage,
  StorageCapabilities,
  StorageObject,
} from '../../storage.ts';
import { listContainer, type ListedObject, type PageRequest } from './container-listing.ts';
import { LargeObjects, type ListOptions, segmentFolder, uploadHeader } from './large-objects.ts';
import type { SwiftConnection, SwiftRequest } from './swift-connection.ts';
import { SwiftContainer } from './swift-container.ts';
import { swiftError } from './swift-error.ts';

export interface SwiftStorageSettings {
  readonly connection: SwiftConnection;
  readonly location: string;
  readonly container: string;
  readonly prefix: string;
  readonly createContainer: boolean;
  readonly storagePolicy: string | undefined;
  readonly uploadCutoff: number;
  readonly segmentSize: number;
  /** Seconds. */
  readonly listingLag: number | undefined;
  readonly concurrency: number;
  readonly warn: (problem: AppError) => void;
}

/** Objects up to this size are stored a second time to learn whether the server heeds conditions. */
const largestProbe = 64 * 1024;

/** Parts of large objects that come as streams and are in memory at once. */
const partsInMemory = 4;

/** The objects of one container below a prefix. */
export class SwiftStorage implements Storage {
  readonly location: string;
  readonly capabilities: StorageCapabilities;
  readonly #settings: SwiftStorageSettings;
  readonly #keys: ObjectKeys;
  readonly #container: SwiftContainer;
  readonly #large: LargeObjects;
  /** Whether the server heeds `If-None-Match: *`, once that was seen. */
  #heedsConditions: boolean | undefined;

  constructor(settings: SwiftStorageSettings) {
    this.#settings = settings;
    this.location = settings.location;
    this.#keys = new ObjectKeys(settings.prefix);
    this.#container = new SwiftContainer(settings);
    this.capabilities = {
      // A reader may meet the moment in which the server has removed the old file and not yet seen the new one.
      atomicReplace: false,
      // Swift looks whether the object is there when an upload begins, not when it ends: of two at once both may win.
      conditionalPut: false,
      listingLag: settings.listingLag,
      modifiedTimes: true,
      concurrency: settings.concurrency,
    };
    this.#large = new LargeObjects(this.#segmentStore(), {
      segmentSize: settings.segmentSize,
      concurrency: partsInMemory,
      memory: new Semaphore(partsInMemory),
    });
  }

  async put(
    name: string,
    body: Body,
    { signal, ifAbsent = false }: PutOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    const action = `store "${name}"`;
    this.#check(name);
    const size = sizeOfBody(body);
    // An early refusal would be lost with the connection over which the body is still sent.
    const lookFirst = ifAbsent && (this.#heedsConditions !== true || size > largestProbe);
    if (lookFirst && (await this.#isThere(name, { signal }))) throw alreadyThere(name);
    const before = await this.#large.uploadOf(name, { action, signal });
    if (size > this.#settings.uploadCutoff) {
      await this.#putLarge(name, body, { signal, ifAbsent });
    } else {
      await this.#putWhole(this.#pathOf(name), body, { action, ifAbsent, signal });
      if (ifAbsent) await this.#probe(name, body, { signal });
    }
    if (before !== undefined) await this.#large.removeSegments(name, before, { signal });
  }

  async get(name: string, { signal, range }: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    signal?.throwIfAborted();
    const { stream } = await this.#open(name, { signal, ...(range && { range }) });
    return stream;
  }

  async read(name: string, { signal, range }: GetOptions = {}): Promise<Uint8Array> {
    signal?.throwIfAborted();
    return await (await this.#open(name, { signal, ...(range && { range }) })).bytes();
  }

  async stat(name: string, { signal }: CallOptions = {}): Promise<StorageObject> {
    signal?.throwIfAborted();
    this.#check(name);
    const action = `look at "${name}"`;
    const response = await this.#head(name, action, { signal });
    if (response.status === 404) throw await this.#notFound(name, action, { signal });
    const size = Number(response.header('content-length') ?? Number.NaN);
    if (!Number.isSafeInteger(size)) {
      throw new AppError(
        'storage/unavailable',
        `Cannot ${action}: the server does not say how large it is`,
      );
    }
    const seconds = Number(response.header('x-timestamp') ?? Number.NaN);
    const modified = Number.isFinite(seconds)
      ? seconds * 1000
      : Date.parse(response.header('last-modified') ?? '');
    return { name, size, ...(!Number.isNaN(modified) && { modified: Math.round(modified) }) };
  }

  async *list(
    prefix: string,
    { signal }: CallOptions = {},
  ): AsyncGenerator<StorageObject, void, undefined> {
    signal?.throwIfAborted();
    if (!canStartName(prefix)) return;
    for await (const { name, size, modified } of this.#listed(prefix, { signal })) {
      if (name.startsWith(segmentFolder)) continue;
      yield { name, size, modified };
      signal?.throwIfAborted();
    }
  }

  async delete(name: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#check(name);
    const upload = await this.#large.uploadOf(name, { action: `delete "${name}"`, signal });
    await this.#delete(name, { signal });
    if (upload !== undefined) await this.#large.removeSegments(name, upload, { signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#settings.connection[Symbol.asyncDispose]();
  }

  #open(name: string, { signal, range }: GetOptions): ReturnType<typeof openRange> {
    this.#check(name);
    const action = `read "${name}"`;
    return openRange(name, range, {
      get: async (wanted) => {
        const response = await this.#request({
          method: 'GET',
          path: this.#pathOf(name),
          headers: wanted === undefined ? {} : { range: wanted },
          action,
          signal,
        });
        if ([200, 206, 416].includes(response.status)) return response;
        if (response.status === 404) {
          await response.discard();
          throw await this.#notFound(name, action, { signal });
        }
        throw sealed(name, response) ?? (await swiftError(response, action));
      },
      size: async () => (await this.stat(name, { signal })).size,
    });
  }

  async #head(name: string, action: string, { signal }: CallOptions): Promise<HttpResponse> {
    const path = this.#pathOf(name);
    const response = await this.#request({ method: 'HEAD', path, action, signal });
    if (response.status !== 404 && (response.status < 200 || response.status > 299))
      throw await swiftError(response, action);
    await response.discard();
    if (response.status !== 404) this.#container.met();
    return response;
  }

  async #isThere(name: string, options: CallOptions): Promise<boolean> {
    return (await this.#head(name, `look at "${name}"`, options)).status !== 404;
  }

  /** Stores one object with what is known of its checksum; gives its ETag, and the server's time. */
  async #putWhole(
    path: string,
    body: Body | string,
    {
      action,
      ifAbsent = false,
      headers = {},
      signal,
    }: CallOptions & {
      readonly action: string;
      readonly ifAbsent?: boolean;
      readonly headers?: Readonly<Record<string, string>>;
    },
  ): Promise<{ readonly etag: string; readonly now: number }> {
    const isManifest = typeof body === 'string';
    const sent = isManifest ? { body, md5: () => undefined } : hashed(body);
    const response = await this.#container.put({
      method: 'PUT',
      path,
      headers: {
        'content-type': 'application/octet-stream',
        ...(ifAbsent && { 'if-none-match': '*' }),
        // With it the server itself refuses what arrives damaged.
        ...(body instanceof Uint8Array && { etag: sent.md5() ?? '' }),
        ...headers,
      },
      body: sent.body,
      action,
      signal,
    });
    if (response.status === 412 && ifAbsent) {
      await response.discard();
      throw new AppError('storage/already-exists', `Cannot ${action}: it is already there`);
    }
    // With 202 the server says that a newer object has come between.
    if (response.status !== 201 && response.status !== 202)
      throw await swiftError(response, action);
    await response.discard();
    const etag = (response.header('etag') ?? '').replaceAll('"', '').toLowerCase();
    const md5 = sent.md5();
    if (md5 !== undefined && response.status === 201 && etag !== '' && etag !== md5) {
      await this.#request({ method: 'DELETE', path, action, signal }).then((gone) =>
        gone.discard(),
      );
      throw new AppError('storage/unavailable', `Cannot ${action}: the bytes arrived damaged`);
    }
    return { etag: md5 ?? etag, now: Date.parse(response.header('date') ?? '') };
  }

  async #putLarge(name: string, body: Body, { signal, ifAbsent }: PutOptions): Promise<void> {
    const { upload, json } = await this.#large.putSegments(name, body, { signal });
    let now: number;
    try {
      ({ now } = await this.#putWhole(`${this.#pathOf(name)}?multipart-manifest=put`, json, {
        action: `store "${name}"`,
        ...(ifAbsent !== undefined && { ifAbsent }),
        headers: { [uploadHeader]: upload },
        signal,
      }));
    } catch (error) {
      // A manifest that was stored although its answer was lost needs its segments.
      if (error instanceof AppError && error.code !== 'storage/unavailable')
        await this.#large.removeSegments(name, upload, { signal });
      throw error;
    }
    await this.#checkLarge(name, upload, sizeOfBody(body), { signal });
    try {
      await this.#large.removeLeftovers(now, { signal });
    } catch (cause) {
      signal?.throwIfAborted();
      this.#settings.warn(
        new AppError(
          'storage/unavailable',
          `Cannot remove what broken uploads have left in "${this.location}"`,
          { cause },
        ),
      );
    }
  }

  /** A server without large objects stores the manifest as if it were the object. */
  async #checkLarge(
    name: string,
    upload: string,
    size: number,
    options: CallOptions,
  ): Promise<void> {
    const action = `store "${name}"`;
    const response = await this.#head(name, action, options);
    // Another writer may have replaced it since.
    if (response.header(uploadHeader) !== upload) return;
    if (Number(response.header('content-length')) === size) return;
    await this.#delete(name, options);
    await this.#large.removeSegments(name, upload, options);
    throw new AppError(
      'storage/access-denied',
      `Cannot ${action}: the server knows no static large objects`,
      { hint: 'Raise the option "upload-cutoff" above the size of the objects' },
    );
  }

  /** What was just stored is stored again where it is: a server that heeds the condition refuses that, another one changes nothing. */
  async #probe(name: string, body: Body, { signal }: CallOptions): Promise<void> {
    if (this.#heedsConditions !== undefined) return;
    if (!(body instanceof Uint8Array) || body.byteLength > largestProbe) return;
    try {
      await this.#putWhole(this.#pathOf(name), body, {
        action: `store "${name}"`,
        ifAbsent: true,
        signal,
      });
      this.#heedsConditions = false;
    } catch (error) {
      signal?.throwIfAborted();
      // Any other failure says nothing about conditions, and the object is stored already.
      if (error instanceof AppError && error.code === 'storage/already-exists')
        this.#heedsConditions = true;
    }
  }

  async *#listed(
    prefix: string,
    options: ListOptions,
  ): AsyncGenerator<ListedObject & { readonly name: string }, void, undefined> {
    const { action = `list "${prefix}"` } = options;
    const page: PageRequest = (query, { signal }) =>
      this.#container.page({ query, action, signal });
    for await (const listed of listContainer(this.#keys.startOf(prefix), page, options)) {
      const name = this.#keys.nameOf(listed.key);
      if (name?.startsWith(prefix) === true) yield { ...listed, name };
    }
  }

  async #delete(name: string, { signal }: CallOptions): Promise<void> {
    const action = `delete "${name}"`;
    const path = this.#pathOf(name);
    const response = await this.#request({ method: 'DELETE', path, action, signal });
    const { status } = response;
    if (status !== 404 && (status < 200 || status > 299)) throw await swiftError(response, action);
    await response.discard();
    if (status === 404) await this.#container.mustBeThere({ action, signal });
  }

  /** An object is missing because it is, or because its container is. */
  async #notFound(name: string, action: string, options: CallOptions): Promise<AppError> {
    await this.#container.mustBeThere({ action, signal: options.signal });
    return new AppError(
      'storage/not-found',
      `Cannot ${action}: there is no such object in "${this.location}"`,
    );
  }

  #segmentStore(): ConstructorParameters<typeof LargeObjects>[0] {
    return {
      pathOf: (name) => `/${this.#settings.container}/${this.#keys.keyOf(name)}`,
      putSegment: async (name, bytes, { signal }) => {
        const action = `store "${name}"`;
        const { etag } = await this.#putWhole(this.#pathOf(name), bytes, { action, signal });
        return etag;
      },
      listSegments: (prefix, options) => this.#listed(prefix, options),
      deleteSegment: (name, options) => this.#delete(name, options),
      uploadOf: async (name, options) => {
        const response = await this.#head(name, `look at "${name}"`, options);
        return response.status === 404 ? undefined : response.header(uploadHeader);
      },
    };
  }

  #request(request: SwiftRequest): Promise<HttpResponse> {
    return this.#settings.connection.request(request);
  }

  #pathOf(name: string): string {
    return `${this.#container.path}/${encodeKey(this.#keys.keyOf(name))}`;
  }

  /** Names that would be hidden cannot be stored. */
  #check(name: string): void {
    this.#keys.keyOf(name);
    if (!name.startsWith(segmentFolder)) return;
    throw new AppError(
      'input/invalid',
      `Cannot use "${name}" as an object name: "${segmentFolder}" is where large objects are kept`,
    );
  }
}

/** A body whose MD5 is known as soon as it was sent. */
function hashed(body: Body): { readonly body: Body; md5(): string | undefined } {
  if (body instanceof Uint8Array) {
    const md5 = createHash('md5').update(body).digest('hex');
    return { body, md5: () => md5 };
  }
  let hash = createHash('md5');
  return {
    body: {
      size: body.size,
      stream: () => {
        hash = createHash('md5');
        return tapStream(body.stream(), { piece: (piece) => void hash.update(piece) });
      },
    },
    md5: () => hash.copy().digest('hex'),
  };
}

function alreadyThere(name: string): AppError {
  return new AppError('storage/already-exists', `Cannot store "${name}": it is already there`);
}

/** OVH's cold archive gives an object only some time after it was asked for. */
function sealed(name: string, response: HttpResponse): AppError | undefined {
  const state = response.header('x-ovh-retrieval-state');
  if (response.status !== 429 || state === undefined) return undefined;
  const seconds = Number(
    response.header('retry-after') ?? response.header('x-ovh-retrieval-delay') ?? Number.NaN,
  );
  const when = Number.isFinite(seconds) ? ` in about ${Math.ceil(seconds / 60)} minutes` : ' later';
  return new AppError(
    'storage/access-denied',
    `Cannot read "${name}": it is sealed in the archive, and can be read${when}`,
    { hint: 'It was asked for now; try again then', details: { state } },
  );
}
