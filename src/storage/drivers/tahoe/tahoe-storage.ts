import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import type { Secret } from '../../../base/secret.ts';
import { type Body, sizeOfBody } from '../../body.ts';
import type { HttpClient, HttpRequest, HttpResponse } from '../../network/http-client.ts';
import { type OpenedRange, openRange } from '../../network/ranged-read.ts';
import { SharedWork } from '../../network/shared-result.ts';
import { canStartName, checkObjectName } from '../../object-name.ts';
import type {
  GetOptions,
  PutOptions,
  Storage,
  StorageCapabilities,
  StorageObject,
} from '../../storage.ts';
import { parseNode, sizeOfCapability, type TahoeNode } from './tahoe-node.ts';
import { tahoeRefusal } from './tahoe-refusal.ts';

export interface TahoeStorageSettings {
  readonly location: string;
  /** Of the node's web interface, without a slash at its end. */
  readonly url: string;
  readonly capability: Secret;
  /** The directories below that of the capability. */
  readonly base: readonly string[];
}

/** How many directories are listed at the same time. */
const listedTogether = 4;

/**
 * Objects as immutable files in directories of a Tahoe-LAFS grid, by the web interface of a node. The node takes a file as a whole, and
 * links it into its directory when it is on the grid: that is what makes a `put` atomic. Directories are made one by one before: left to
 * a `put`, two that make the same one would each replace what the other has just made.
 */
export class TahoeStorage implements Storage {
  readonly location: string;
  readonly capabilities: StorageCapabilities = {
    atomicReplace: true,
    conditionalPut: true,
    listingLag: 0,
    modifiedTimes: true,
    concurrency: 8,
  };
  readonly #http: HttpClient;
  readonly #url: string;
  readonly #capability: Secret;
  readonly #base: readonly string[];
  readonly #directories = new SharedWork();
  /** Whether something was seen below the base: if it is missing later, that is no empty storage. */
  #wasThere = false;

  constructor(http: HttpClient, { location, url, capability, base }: TahoeStorageSettings) {
    this.#http = http;
    this.location = location;
    this.#url = url;
    this.#capability = capability;
    this.#base = base;
  }

  async put(
    name: string,
    body: Body,
    { signal, ifAbsent = false }: PutOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    const parts = this.#partsOf(name);
    const action = `store "${name}"`;
    if (this.#capability.reveal().startsWith('URI:DIR2-RO:')) {
      throw new AppError('storage/access-denied', `Cannot ${action}: the capability is read-only`, {
        hint: 'Use the writable one, which begins with URI:DIR2:',
      });
    }
    if (ifAbsent && (await this.#find(parts, action, { signal })) !== undefined)
      throw alreadyThere(name);
    await this.#prepare(parts.slice(0, -1), { signal });
    // A directory in its place is never replaced.
    const replace = ifAbsent ? 'false' : 'only-files';
    const response = await this.#send({
      method: 'PUT',
      url: this.#urlOf(parts, `replace=${replace}`),
      body,
      action,
      signal,
    });
    if (response.status !== 200 && response.status !== 201) {
      if ([400, 404, 409].includes(response.status)) {
        const error = await tahoeRefusal(response, action);
        throw await this.#notLinked(parts, { name, action, error, ifAbsent }, { signal });
      }
      this.#forget(parts);
      throw await tahoeRefusal(response, action);
    }
    const size = sizeOfCapability((await response.text()).trim());
    this.#wasThere = true;
    if (size === undefined || size === sizeOfBody(body)) return;
    throw new AppError(
      'storage/unavailable',
      `Cannot ${action}: the node has stored ${size} of ${sizeOfBody(body)} bytes`,
    );
  }

  async get(name: string, { signal, range }: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return (await this.#open(name, { signal, ...(range && { range }) })).stream;
  }

  async read(name: string, { signal, range }: GetOptions = {}): Promise<Uint8Array> {
    return await (await this.#open(name, { signal, ...(range && { range }) })).bytes();
  }

  async stat(name: string, { signal }: CallOptions = {}): Promise<StorageObject> {
    signal?.throwIfAborted();
    const found = await this.#find(this.#partsOf(name), `look at "${name}"`, { signal });
    if (found?.kind !== 'file') throw await this.#missing(name, { signal });
    this.#wasThere = true;
    return objectOf(name, found);
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
      for await (const { directory, children } of mapPool(level, listedTogether, work, {
        signal,
      })) {
        for (const [part, child] of children) {
          signal?.throwIfAborted();
          const name = directory + part;
          if (part.includes('/') || !canStartName(name)) continue;
          if (child.kind === 'directory') {
            if (startsAlike(`${name}/`, prefix)) below.push(`${name}/`);
          } else if (child.kind === 'file' && name.startsWith(prefix)) {
            yield child.size === undefined
              ? await this.stat(name, { signal })
              : objectOf(name, child);
          }
        }
      }
      level = below;
    }
  }

  async delete(name: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const parts = this.#partsOf(name);
    const action = `delete "${name}"`;
    // A directory would go with everything in it.
    if ((await this.#find(parts, action, { signal }))?.kind !== 'file') {
      await this.#requireBase(action, { signal });
      return;
    }
    const response = await this.#send({
      method: 'DELETE',
      url: this.#urlOf(parts),
      action,
      signal,
    });
    if (response.status === 200 || response.status === 404) return await response.discard();
    throw await tahoeRefusal(response, action);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]();
  }

  /** Makes the directories on the way, each once, and never in the place of something else. */
  async #prepare(parts: readonly string[], options: CallOptions): Promise<void> {
    if (parts.length === 0) return;
    await this.#directories.do(parts.join('/'), () => this.#make(parts), options);
  }

  async #make(parts: readonly string[]): Promise<void> {
    const above = parts.slice(0, -1);
    await this.#prepare(above, {});
    const action = `make the directory "${parts.join('/')}"`;
    const name = encodeURIComponent(parts.at(-1) ?? '');
    const response = await this.#send({
      method: 'POST',
      url: this.#urlOf(above, `t=mkdir&name=${name}&replace=false`),
      action,
    });
    // 409: something of that name is there, and 400: what is above is a file. The put that follows finds out which.
    if ([200, 201, 400, 409].includes(response.status)) return await response.discard();
    throw await tahoeRefusal(response, action);
  }

  #forget(parts: readonly string[]): void {
    const name = `${parts.join('/')}/`;
    this.#directories.forget((known) => name.startsWith(`${known}/`));
  }

  /** Why the node did not link a file: something on the way is missing or is a file, or something is in its place. */
  async #notLinked(
    parts: readonly string[],
    {
      name,
      action,
      error,
      ifAbsent,
    }: {
      readonly name: string;
      readonly action: string;
      readonly error: AppError;
      readonly ifAbsent: boolean;
    },
    options: CallOptions,
  ): Promise<AppError> {
    this.#forget(parts);
    for (let length = 1; length < parts.length; length++) {
      const above = parts.slice(0, length);
      const found = await this.#find(above, action, options);
      if (found?.kind === 'file') return isFile(above);
      if (found === undefined) {
        return new AppError('storage/unavailable', `Cannot ${action}: its directory is gone`, {
          cause: error,
        });
      }
    }
    const found = await this.#find(parts, action, options);
    if (found?.kind === 'directory') {
      return new AppError(
        'storage/access-denied',
        `Cannot ${action}: a directory is in its place`,
        { cause: error },
      );
    }
    return found !== undefined && ifAbsent ? alreadyThere(name) : error;
  }

  async #open(name: string, { signal, range }: GetOptions): Promise<OpenedRange> {
    signal?.throwIfAborted();
    const parts = this.#partsOf(name);
    const action = `read "${name}"`;
    return await openRange(name, range, {
      size: async () => (await this.stat(name, { signal })).size,
      get: async (wanted) => {
        const response = await this.#send({
          method: 'GET',
          url: this.#urlOf(parts),
          ...(wanted !== undefined && { headers: { range: wanted } }),
          action,
          signal,
        });
        const { status } = response;
        if (status === 206 || status === 416) return response;
        // A directory is answered with a page for people, of which no ranges can be had.
        if (status === 200 && response.header('accept-ranges') === 'bytes') return response;
        if (status === 200) {
          await response.discard();
          await this.stat(name, { signal });
          throw new AppError('storage/unavailable', `Cannot ${action}: the node gives no ranges`, {
            hint: 'Look whether the option "url" leads to a Tahoe node',
          });
        }
        throw await this.#unread(response, name, parts, action, { signal });
      },
    });
  }

  async #unread(
    response: HttpResponse,
    name: string,
    parts: readonly string[],
    action: string,
    options: CallOptions,
  ): Promise<AppError> {
    const error = await tahoeRefusal(response, action);
    if (response.status === 404) return this.#missing(name, options);
    if (response.status !== 400) return error;
    const found = await this.#find(parts, action, options);
    return found === undefined ? this.#missing(name, options) : error;
  }

  async #listDirectory(directory: string, options: CallOptions): Promise<Listed> {
    const parts = [...this.#base, ...directory.split('/').filter((part) => part !== '')];
    const action = `list "${directory}"`;
    const found = await this.#find(parts, action, options);
    if (found?.kind === 'directory') {
      this.#wasThere = true;
      return { directory, children: found.children };
    }
    await this.#requireBase(action, options);
    return { directory, children: new Map() };
  }

  /** The error for an object that is missing, when that is not because everything is. */
  async #missing(name: string, options: CallOptions): Promise<AppError> {
    await this.#requireBase(`look at "${name}"`, options);
    return noObject(name);
  }

  /** After something was missing: rejects when everything is, and was not before, or when the path of the destination is a file. */
  async #requireBase(action: string, options: CallOptions): Promise<void> {
    const base = await this.#find(this.#base, action, options);
    if (base?.kind === 'file') throw isFile(this.#base);
    if (base === undefined && this.#wasThere) {
      throw new AppError(
        'storage/unavailable',
        `Cannot ${action}: the directory was there before and is gone`,
      );
    }
  }

  /** What is at the path of these parts below the capability; `undefined` when there is nothing. */
  async #find(
    parts: readonly string[],
    action: string,
    { signal }: CallOptions,
  ): Promise<TahoeNode | undefined> {
    const response = await this.#send({
      method: 'GET',
      url: this.#urlOf(parts, 't=json'),
      action,
      signal,
    });
    if (response.status === 200) return parseNode(await response.json(), action);
    if (response.status === 404 && parts.length > 0) {
      await response.discard();
      return undefined;
    }
    const error = await tahoeRefusal(response, action);
    // So a node says that what comes before is a file.
    if (response.status === 400 && parts.length > 0) {
      const above = await this.#find(parts.slice(0, -1), action, { signal });
      if (above?.kind !== 'directory') return undefined;
    }
    throw error;
  }

  #send(request: HttpRequest): Promise<HttpResponse> {
    return this.#http.request(request);
  }

  #urlOf(parts: readonly string[], query = ''): string {
    const path = [this.#capability.reveal(), ...parts].map(encodeURIComponent).join('/');
    return `${this.#url}/uri/${path}${parts.length === 0 ? '/' : ''}${query === '' ? '' : `?${query}`}`;
  }

  #partsOf(name: string): readonly string[] {
    checkObjectName(name);
    if (name !== name.normalize()) {
      throw new AppError(
        'input/invalid',
        `Cannot use ${JSON.stringify(name)} as an object name: Tahoe composes its characters differently`,
      );
    }
    return [...this.#base, ...name.split('/')];
  }
}

interface Listed {
  readonly directory: string;
  readonly children: ReadonlyMap<string, TahoeNode>;
}

function objectOf(
  name: string,
  { size, modified }: TahoeNode & { readonly kind: 'file' },
): StorageObject {
  if (size !== undefined) return { name, size, ...(modified !== undefined && { modified }) };
  throw new AppError('storage/unavailable', `The node does not say how large "${name}" is`);
}

function startsAlike(left: string, right: string): boolean {
  return left.length < right.length ? right.startsWith(left) : left.startsWith(right);
}

function isFile(parts: readonly string[]): AppError {
  return new AppError(
    'storage/access-denied',
    `"${parts.join('/')}" on the grid is a file, and not a directory`,
    {
      hint: 'Choose another path in the URL, or move that file away',
    },
  );
}

function noObject(name: string): AppError {
  return new AppError('storage/not-found', `There is no object "${name}"`);
}

function alreadyThere(name: string): AppError {
  return new AppError('storage/already-exists', `Cannot store "${name}": it is already there`);
}
