import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError } from '../../../base/errors.ts';
import { Turns } from '../../../base/turns.ts';
import { mapPool } from '../../../base/pool.ts';
import { type Body, sizeOfBody } from '../../body.ts';
import { type OpenedRange, openRange } from '../../network/ranged-read.ts';
import type { HttpResponse } from '../../network/http-client.ts';
import { canStartName, checkObjectName } from '../../object-name.ts';
import type {
  GetOptions,
  PutOptions,
  Storage,
  StorageCapabilities,
  StorageObject,
} from '../../storage.ts';
import { Collections, isFile } from './collections.ts';
import { honouringRange } from './ignored-range.ts';
import { type Listing, Propfind, type Resource } from './propfind.ts';
import { Publisher } from './publication.ts';
import { isSentToCollection } from './refusal.ts';
import { encodePath } from './resource-path.ts';
import { isUnfinished, leftoverAge, temporaryName } from '../../temporary-name.ts';
import type { WebdavClient, WebdavRequest } from './webdav-client.ts';

export interface WebdavStorageSettings {
  readonly location: string;
  /** The parts of the destination's path. */
  readonly base: readonly string[];
  readonly clock: Clock;
}

/** How many directories are listed at the same time. */
const listedTogether = 8;
/** What is at least so large is asked for after it was sent, before it gets its name. */
const largeEnoughToVerify = 1024 ** 2;
/** What is at most so large may be sent once more. */
const smallEnoughToRepeat = 64 * 1024;
/** Names that were stored last: they are known to be no directories. */
const mostRemembered = 256;
/** Statuses of a PUT that was accepted. */
const taken: ReadonlySet<number> = new Set([200, 201, 204]);
/** Milliseconds that the end waits for what is still being cleaned up. */
const cleanUpAtEnd = 2000;
/** Statuses of a GET by which servers may mean that there is no such object: a directory, or something below a file. */
const doubtful: ReadonlySet<number> = new Set([400, 403, 405, 409, 501]);

/**
 * Objects as files of a WebDAV server. A file is sent under a temporary name and renamed: not every server drops what it has received
 * of an upload that broke off. Neither a rename nor a conditional upload is decided atomically by the servers that are around (see
 * docs/decisions/webdav.md), so the capabilities promise neither.
 */
export class WebdavStorage implements Storage {
  readonly location: string;
  readonly capabilities: StorageCapabilities = {
    atomicReplace: false,
    conditionalPut: false,
    listingLag: 0,
    modifiedTimes: true,
    concurrency: 16,
  };
  readonly #client: WebdavClient;
  readonly #base: readonly string[];
  readonly #clock: Clock;
  readonly #propfind: Propfind;
  readonly #collections: Collections;
  readonly #publisher: Publisher;
  readonly #turns = new Turns();
  readonly #cleanUps = new Set<Promise<void>>();
  /** Paths of unfinished uploads whose senders are long gone. */
  readonly #leftovers = new Set<string>();
  /** Directories below the root that listings have shown to be there. */
  readonly #listed = new Set<string>();
  readonly #stored = new Set<string>();

  constructor(client: WebdavClient, { location, base, clock }: WebdavStorageSettings) {
    this.#client = client;
    this.location = location;
    this.#base = base;
    this.#clock = clock;
    this.#propfind = new Propfind(client, base);
    this.#collections = new Collections(client, this.#propfind, base);
    this.#publisher = new Publisher(client, this.#propfind, clock);
  }

  async put(
    name: string,
    body: Body,
    { signal, ifAbsent = false }: PutOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    const parts = this.#partsOf(name);
    const directory = parts.slice(this.#base.length, -1);
    // Only to save the sending.
    if (ifAbsent && (await this.#exists(name, parts, signal))) throw alreadyThere(name);
    const place = await this.#placeFor(directory, body, { signal });
    const from = [...this.#base, ...place, temporaryName()];
    try {
      await this.#sendWhileMaking(name, from, directory, body, { signal });
      using _turn = await this.#turns.take(name, { signal });
      // Servers that do not know "Overwrite" would replace it.
      if (ifAbsent && (await this.#exists(name, parts, signal))) throw alreadyThere(name);
      const size = sizeOfBody(body);
      await this.#publisher.publish({ from, to: parts, name, size, mayReplace: !ifAbsent, signal });
      this.#collections.noteBase();
      this.#remember(name);
    } catch (error) {
      this.#cleanUp(encodePath(from, 'object'));
      signal?.throwIfAborted();
      throw error;
    }
    this.#sweep();
  }

  async get(name: string, { signal, range }: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return (await this.#open(name, { signal, ...(range && { range }) })).stream;
  }

  async read(name: string, { signal, range }: GetOptions = {}): Promise<Uint8Array> {
    return await (await this.#open(name, { signal, ...(range && { range }) })).bytes();
  }

  async stat(name: string, { signal }: CallOptions = {}): Promise<StorageObject> {
    signal?.throwIfAborted();
    const found = await this.#lookAt(name, this.#partsOf(name), signal);
    if (found.kind !== 'object') throw await this.#missing(name, signal);
    this.#collections.noteBase();
    const { size, modified } = found;
    return { name, size, ...(modified !== undefined && { modified }) };
  }

  async *list(
    prefix: string,
    { signal }: CallOptions = {},
  ): AsyncGenerator<StorageObject, void, undefined> {
    signal?.throwIfAborted();
    if (!canStartName(prefix)) return;
    let level: readonly string[] = [prefix.slice(0, prefix.lastIndexOf('/') + 1)];
    while (level.length > 0) {
      const below: string[] = [];
      const work = (directory: string, options: CallOptions): Promise<Listed> =>
        this.#listDirectory(directory, options);
      for await (const { directory, listing } of mapPool(level, listedTogether, work, { signal })) {
        for (const { part, resource } of listing?.members ?? []) {
          signal?.throwIfAborted();
          const name = directory + part;
          if (!canStartName(name) || part.includes('/')) continue;
          if (resource.kind === 'collection') {
            if (!startsAlike(`${name}/`, prefix)) continue;
            below.push(`${name}/`);
            this.#listed.add(`${name}/`);
          } else if (resource.kind === 'object' && isUnfinished(part)) {
            this.#noticeLeftover(name, resource.modified, listing?.time);
          } else if (resource.kind === 'object' && name.startsWith(prefix)) {
            const { size, modified } = resource;
            yield { name, size, ...(modified !== undefined && { modified }) };
          }
        }
      }
      level = below;
    }
  }

  async prepare(prefixes: readonly string[], { signal }: CallOptions = {}): Promise<void> {
    const directories = prefixes.map((prefix) => prefix.split('/').slice(0, -1));
    await Promise.allSettled(
      directories.map((parts) => this.#collections.prepare(parts, { signal })),
    );
  }

  async delete(name: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const parts = this.#partsOf(name);
    // A directory would go with everything in it; what was stored here a moment ago is none.
    const isKnown = this.#stored.delete(name);
    if (!isKnown && !(await this.#exists(name, parts, signal))) {
      await this.#requireBase(`delete "${name}"`, signal);
      return;
    }
    const request = {
      method: 'DELETE',
      path: encodePath(parts, 'object'),
      action: `delete "${name}"`,
      signal,
    };
    const response = await this.#client.send(request);
    if (response.status === 204) return await response.discard();
    if (response.status === 200) {
      await response.discard();
      // So answers whatever stands before a server as well: a page to log in at.
      if (!(await this.#exists(name, parts, signal))) return;
      throw new AppError(
        'storage/unavailable',
        `Cannot ${request.action}: the server has accepted it, and still has the object`,
      );
    }
    if (response.status === 404 || response.status === 410) {
      await response.discard();
      return await this.#requireBase(request.action, signal);
    }
    throw await this.#client.refusal(response, request);
  }

  async removeMade(options: CallOptions = {}): Promise<void> {
    await Promise.all(this.#cleanUps);
    await this.#collections.removeMade(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#cleanUps.size > 0) {
      const over = new AbortController();
      const limit = this.#clock.sleep(cleanUpAtEnd, { signal: over.signal }).catch(() => undefined);
      await Promise.race([Promise.all(this.#cleanUps), limit]);
      over.abort();
    }
    await this.#client[Symbol.asyncDispose]();
  }

  /**
   * The directory that something is sent to before it gets its name: that of the object, or the one above while that is still being made
   * and much is to be sent, which saves a round trip. Not the base: its leftovers would be seen by few listings.
   */
  async #placeFor(
    directory: readonly string[],
    body: Body,
    { signal }: CallOptions,
  ): Promise<readonly string[]> {
    if (this.#collections.has(directory)) return directory;
    const above = directory.slice(0, -1);
    if (sizeOfBody(body) > smallEnoughToRepeat) {
      if (above.length > 0 && this.#collections.has(above)) return above;
    } else if (this.#collections.has([])) return directory;
    await this.#collections.prepare(directory, { signal });
    return directory;
  }

  /** Sends a body while the directory is made that the object will be in. */
  async #sendWhileMaking(
    name: string,
    from: readonly string[],
    directory: readonly string[],
    body: Body,
    { signal }: CallOptions,
  ): Promise<void> {
    if (this.#collections.has(directory)) return this.#send(name, from, body, { signal });
    const isInside = from.length === this.#base.length + directory.length + 1;
    const making = this.#collections.prepare(directory, { signal });
    const [preparing, sending] = isInside
      ? [making, this.#trySending(name, from, body, { signal })]
      : [
          making.then(() => this.#collections.confirm(directory, { signal })),
          this.#send(name, from, body, { signal }).then(() => true),
        ];
    // Both come to their end, so that what was sent can be removed.
    const [made, sent] = await Promise.allSettled([preparing, sending]);
    if (made.status === 'rejected') throw made.reason;
    if (sent.status === 'rejected') throw sent.reason;
    if (!sent.value) await this.#send(name, from, body, { signal });
  }

  /** Sends something small to a directory that may not be there yet; gives whether the server took it. */
  async #trySending(
    name: string,
    parts: readonly string[],
    body: Body,
    { signal }: CallOptions,
  ): Promise<boolean> {
    const response = await this.#client.send(this.#upload(name, parts, body, { signal }));
    await response.discard();
    return taken.has(response.status);
  }

  #upload(
    name: string,
    parts: readonly string[],
    body: Body,
    { signal }: CallOptions,
  ): WebdavRequest {
    return {
      method: 'PUT',
      path: encodePath(parts, 'object'),
      headers: { 'content-type': 'application/octet-stream' },
      body,
      action: `store "${name}"`,
      signal,
    };
  }

  async #send(
    name: string,
    parts: readonly string[],
    body: Body,
    { signal }: CallOptions,
  ): Promise<void> {
    const request = this.#upload(name, parts, body, { signal });
    const response = await this.#client.send(request);
    if (!taken.has(response.status)) throw await this.#notSent(response, request, parts);
    await response.discard();
    if (sizeOfBody(body) < largeEnoughToVerify) return;
    const found = await this.#lookAt(name, parts, signal);
    const size = found.kind === 'object' ? found.size : 0;
    if (size === sizeOfBody(body)) return;
    throw new AppError(
      'storage/unavailable',
      `Cannot store "${name}": the server has kept ${size} of ${sizeOfBody(body)} bytes`,
    );
  }

  /** Why an upload was refused: its directory may have gone, or may never have been one. */
  async #notSent(
    response: HttpResponse,
    request: WebdavRequest,
    parts: readonly string[],
  ): Promise<Error> {
    const { status } = response;
    const error = await this.#client.refusal(response, request);
    if (status !== 404 && !doubtful.has(status)) return error;
    const directory = parts.slice(0, -1);
    this.#collections.forget(directory.slice(this.#base.length));
    for (let length = directory.length; length >= this.#base.length; length--) {
      const above = directory.slice(0, length);
      const { signal, action } = request;
      const found = await this.#propfind.lookAt(above, { action, signal });
      if (found.kind === 'object') return isFile(above);
      if (found.kind === 'missing' && length === directory.length) {
        return new AppError('storage/unavailable', `Cannot ${action}: its directory is gone`, {
          cause: error,
        });
      }
      if (found.kind === 'collection') break;
    }
    return status === 404
      ? new AppError('storage/unavailable', error.message, { cause: error })
      : error;
  }

  async #open(name: string, { signal, range }: GetOptions): Promise<OpenedRange> {
    signal?.throwIfAborted();
    const parts = this.#partsOf(name);
    const size = async (): Promise<number> => {
      const found = await this.#lookAt(name, parts, signal);
      if (found.kind === 'object') return found.size;
      throw await this.#missing(name, signal);
    };
    return await openRange(name, range, {
      size,
      get: async (wanted) =>
        honouringRange(await this.#get(name, parts, wanted, signal), wanted, size),
    });
  }

  async #get(
    name: string,
    parts: readonly string[],
    range: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<HttpResponse> {
    const request = {
      method: 'GET',
      path: encodePath(parts, 'object'),
      headers: range === undefined ? {} : { range },
      action: `read "${name}"`,
      signal,
    };
    const response = await this.#client.send(request);
    const { status } = response;
    const encoding = response.header('content-encoding') ?? 'identity';
    if (encoding !== 'identity') {
      await response.discard();
      throw new AppError(
        'storage/unavailable',
        `Cannot read "${name}": the server sends it in the encoding "${encoding}", which was not asked for`,
        { hint: 'Switch compression off for this directory on the server' },
      );
    }
    if (status === 200 || status === 206 || status === 416) {
      this.#collections.noteBase();
      return response;
    }
    if (
      status === 404 ||
      status === 410 ||
      isSentToCollection(response, this.#client.urlOf(request.path))
    ) {
      await response.discard();
      throw await this.#missing(name, signal);
    }
    const error = await this.#client.refusal(response, request);
    if (doubtful.has(status) && !(await this.#exists(name, parts, signal)))
      throw await this.#missing(name, signal);
    throw error;
  }

  async #listDirectory(directory: string, { signal }: CallOptions): Promise<Listed> {
    const parts = [...this.#base, ...directory.split('/').filter((part) => part !== '')];
    const action = `list "${directory}"`;
    // Many directories of a repository are missing until something is put into them: what is asked then is asked at once, which saves a round trip.
    const isNew = directory !== '' && !this.#listed.has(directory);
    const base = isNew ? this.#requireBase(action, signal) : undefined;
    base?.catch(() => undefined); // it is of interest only if there is nothing
    const listing = await this.#propfind.list(parts, { action, signal });
    if (listing === undefined) await (base ?? this.#requireBase(action, signal));
    else {
      this.#collections.noteBase();
      this.#listed.add(directory);
      this.#collections.note(parts.slice(this.#base.length));
    }
    return { directory, listing };
  }

  /** The error for an object that is missing, when that is not because everything is: a proxy whose server is down says 404 as well. */
  async #missing(name: string, signal: AbortSignal | undefined): Promise<AppError> {
    await this.#requireBase(`look at "${name}"`, signal);
    return noObject(name);
  }

  /** After something was missing: rejects when everything is, and was not before, or when the path of the destination is a file. */
  async #requireBase(action: string, signal: AbortSignal | undefined): Promise<void> {
    // An upload may make it while the server answers.
    const wasThere = this.#collections.baseWasSeen;
    const base = await this.#propfind.lookAt(this.#base, { action, signal });
    if (base.kind === 'object') throw isFile(this.#base);
    if (base.kind === 'collection') this.#collections.note([]);
    if (base.kind === 'collection' || !wasThere) return;
    throw this.#collections.baseIsGone(action);
  }

  async #exists(
    name: string,
    parts: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    return (await this.#lookAt(name, parts, signal)).kind === 'object';
  }

  #lookAt(
    name: string,
    parts: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<Resource> {
    return this.#propfind.lookAt(parts, { action: `look at "${name}"`, signal });
  }

  #partsOf(name: string): readonly string[] {
    checkObjectName(name);
    const parts = name.split('/');
    if (!parts.some(isUnfinished)) return [...this.#base, ...parts];
    throw new AppError(
      'input/invalid',
      `Cannot use ${JSON.stringify(name)} as an object name: uploads that are not finished are called so`,
    );
  }

  /** Removes what an upload has left, without anybody waiting for it; what cannot be removed now is found by a later listing. */
  #cleanUp(path: string): void {
    const action = 'remove an unfinished upload';
    const work = this.#client
      .send({ method: 'DELETE', path, action })
      .then((response) => response.discard())
      .catch(() => undefined)
      .finally(() => this.#cleanUps.delete(work));
    this.#cleanUps.add(work);
  }

  #remember(name: string): void {
    this.#stored.delete(name);
    this.#stored.add(name);
    const [oldest = name] = this.#stored;
    if (this.#stored.size > mostRemembered) this.#stored.delete(oldest);
  }

  #noticeLeftover(name: string, modified: number | undefined, time: number | undefined): void {
    if (modified === undefined || time === undefined || time - modified < leftoverAge) return;
    this.#leftovers.add(encodePath([...this.#base, ...name.split('/')], 'object'));
  }

  /** Whoever can store can also remove what was left over. */
  #sweep(): void {
    if (this.#leftovers.size === 0) return;
    for (const path of this.#leftovers) this.#cleanUp(path);
    this.#leftovers.clear();
  }
}

interface Listed {
  readonly directory: string;
  readonly listing: Listing | undefined;
}

function startsAlike(left: string, right: string): boolean {
  return left.length < right.length ? right.startsWith(left) : left.startsWith(right);
}

function noObject(name: string): AppError {
  return new AppError('storage/not-found', `There is no object "${name}"`);
}

function alreadyThere(name: string): AppError {
  return new AppError('storage/already-exists', `Cannot store "${name}": it is already there`);
}
