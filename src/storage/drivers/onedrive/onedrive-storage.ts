import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import type { Body } from '../../body.ts';
import { canStartName, checkObjectName } from '../../object-name.ts';
import type { NameCodec } from '../../network/escaped-name.ts';
import {
  emptyContent,
  placeOf,
  rangedContent,
  type OpenedRange,
  rangeHeader,
} from '../../network/ranged-read.ts';
import { untilAborted } from '../../../base/until-aborted.ts';
import type {
  GetOptions,
  PutOptions,
  Storage,
  StorageCapabilities,
  StorageObject,
} from '../../storage.ts';
import { type DrivePlace, findRoot } from './drive-place.ts';
import type { DriveItem, GraphApi } from './graph-api.ts';
import { upload, WrongContent } from './onedrive-upload.ts';
import { graphError } from './translate-error.ts';

export interface OnedriveSettings {
  readonly api: GraphApi;
  readonly place: DrivePlace;
  /** Without slashes at its ends; empty for the root. */
  readonly folder: string;
  readonly names: NameCodec;
  readonly fragmentSize: number;
  readonly permanent: boolean;
  readonly location: string;
  readonly warn: (problem: AppError) => void;
}

/** Folders that are listed at once. */
const parallel = 8;

/** Objects as files in a folder of OneDrive or of a document library of SharePoint. */
export class OnedriveStorage implements Storage {
  readonly location: string;
  readonly capabilities: StorageCapabilities = {
    atomicReplace: true,
    conditionalPut: true,
    // Microsoft promises no bound.
    listingLag: undefined,
    modifiedTimes: true,
    maxObjectSize: 250 * 1000 ** 3,
    concurrency: 8,
  };
  readonly #settings: OnedriveSettings;
  #root: Promise<string> | undefined;
  #warned = false;

  constructor(settings: OnedriveSettings) {
    this.#settings = settings;
    this.location = settings.location;
  }

  async put(name: string, body: Body, options: PutOptions = {}): Promise<void> {
    const { signal, ifAbsent = false } = options;
    signal?.throwIfAborted();
    const { api, fragmentSize } = this.#settings;
    const item = await this.#itemOf(name, { signal });
    try {
      await upload(api, { name, item, body, ifAbsent, fragmentSize, signal });
    } catch (error) {
      if (error instanceof WrongContent) await this.#remove(item, error.item, error.message, {});
      // With "replace", only a folder can be in the way of a file.
      if (hasCode(error, 'storage/already-exists') && !ifAbsent)
        throw inTheWay(name, 'there is a folder in its place', error);
      if (hasCode(error, 'storage/not-found'))
        throw inTheWay(name, 'its folder cannot be made', error);
      throw error;
    }
  }

  async get(name: string, options: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return (await this.#open(name, options)).stream;
  }

  async read(name: string, options: GetOptions = {}): Promise<Uint8Array> {
    return await (await this.#open(name, options)).bytes();
  }

  async stat(name: string, { signal }: CallOptions = {}): Promise<StorageObject> {
    signal?.throwIfAborted();
    return objectOf(name, await this.#find(name, `look at "${name}"`, { signal }));
  }

  async *list(
    prefix: string,
    { signal }: CallOptions = {},
  ): AsyncGenerator<StorageObject, void, undefined> {
    signal?.throwIfAborted();
    if (!canStartName(prefix)) return;
    const { api, names } = this.#settings;
    const start = prefix.slice(0, Math.max(0, prefix.lastIndexOf('/')));
    const action = `list "${prefix}"`;
    const root = await this.#rootOf({ signal });
    // Paths as they are on the service.
    let level: readonly string[] = [start === '' ? '' : names.encode(start)];
    while (level.length > 0) {
      const next: string[] = [];
      const listed = mapPool(
        level,
        parallel,
        async (path, options) => ({
          path,
          children: await api.children(this.#addressOf(root, path), action, options),
        }),
        { signal },
      );
      for await (const { path, children } of listed) {
        for (const child of children) {
          const stored = path === '' ? child.name : `${path}/${child.name}`;
          const name = this.#nameOf(stored);
          if (name === undefined) continue;
          if (child.file !== undefined && name.startsWith(prefix)) yield objectOf(name, child);
          signal?.throwIfAborted();
          const isWanted = `${name}/`.startsWith(prefix) || prefix.startsWith(`${name}/`);
          if (child.folder !== undefined && isWanted) next.push(stored);
        }
      }
      level = next;
    }
  }

  async delete(name: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const action = `delete "${name}"`;
    try {
      const found = await this.#find(name, action, { signal });
      await this.#remove(await this.#itemOf(name, { signal }), found, action, { signal });
    } catch (error) {
      if (!hasCode(error, 'storage/not-found')) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#settings.api[Symbol.asyncDispose]();
  }

  /** Deletes this very version of a file, into the recycle bin or for good. */
  async #remove(
    item: string,
    { id, eTag }: DriveItem,
    action: string,
    options: CallOptions,
  ): Promise<void> {
    const { api, permanent } = this.#settings;
    const drive = item.slice(0, item.search(/\/(?:root|special\/approot)(?::|$)/u));
    const url = permanent
      ? api.address(`${drive}/items/${encodeURIComponent(id)}/permanentDelete`)
      : api.address(item);
    const headers: Readonly<Record<string, string>> =
      eTag === undefined ? {} : { 'if-match': eTag };
    await api.call({
      method: permanent ? 'POST' : 'DELETE',
      url,
      headers,
      action,
      ...options,
    });
  }

  async #open(name: string, { signal, range }: GetOptions): Promise<OpenedRange> {
    signal?.throwIfAborted();
    const action = `read "${name}"`;
    const item = await this.#find(name, action, { signal });
    const place = placeOf(name, item.size ?? 0, range);
    if (place?.length === 0 || item.size === 0) return emptyContent();
    const url = item['@microsoft.graph.downloadUrl'];
    if (url === undefined || !URL.canParse(url))
      throw new AppError(
        'storage/unavailable',
        `Cannot ${action}: OneDrive gives no address for it`,
      );
    const headers = rangeHeader(place);
    const response = await this.#settings.api.bare({ method: 'GET', url, headers, action, signal });
    if (response.status === 200 || response.status === 206)
      return rangedContent(name, response, place, item.size);
    const error = await graphError(response, action);
    // The object was there a moment ago: its address has expired, or it was replaced.
    const passes = response.status < 500 && response.status !== 429 && response.status !== 507;
    if (!passes) throw error;
    throw new AppError('storage/unavailable', `Cannot ${action}: its address does not work`, {
      cause: error,
    });
  }

  async #find(name: string, action: string, options: CallOptions): Promise<DriveItem> {
    const { api, names } = this.#settings;
    const item = await api.item(await this.#itemOf(name, options), action, options);
    const isMeant = names.keepsCase || item.name === name.split('/').at(-1);
    if (item.file !== undefined && isMeant) return item;
    throw new AppError('storage/not-found', `Cannot ${action}: there is no such object`);
  }

  async #itemOf(name: string, options: CallOptions): Promise<string> {
    checkObjectName(name);
    const path = this.#settings.names.encode(name);
    return this.#addressOf(await this.#rootOf(options), path).replace(/:$/u, '');
  }

  /** The path of Graph to a file or folder, so that `/children` can follow. */
  #addressOf(root: string, path: string): string {
    const whole = [this.#settings.folder, path].filter((part) => part !== '').join('/');
    if (whole === '') return root;
    return `${root}:/${whole.split('/').map(encodeURIComponent).join('/')}:`;
  }

  /** The drive is looked for once, when it is first needed. */
  async #rootOf({ signal }: CallOptions): Promise<string> {
    if (this.#root === undefined) {
      const search = findRoot(this.#settings.api, this.#settings.place);
      this.#root = search;
      search.catch(() => {
        this.#root = undefined;
      });
    }
    return untilAborted(this.#root, signal);
  }

  #nameOf(path: string): string | undefined {
    const name = this.#settings.names.decode(path);
    if (name === undefined && !this.#warned) {
      this.#warned = true;
      this.#settings.warn(
        new AppError('input/invalid', `"${path}" in ${this.location} is no name of ours`, {
          hint: 'Files that another program has put there are left out; with "names=plain" they are seen',
        }),
      );
    }
    return name;
  }
}

function objectOf(name: string, { size = 0, lastModifiedDateTime }: DriveItem): StorageObject {
  const modified = Date.parse(lastModifiedDateTime ?? '');
  return { name, size, ...(Number.isFinite(modified) && { modified }) };
}

function inTheWay(name: string, text: string, cause: AppError): AppError {
  return new AppError('storage/access-denied', `Cannot store "${name}": ${text}`, { cause });
}
