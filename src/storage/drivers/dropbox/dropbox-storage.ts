import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import type { Body } from '../../body.ts';
import { type ResolvedRange, resolveRange } from '../../byte-range.ts';
import { canStartName, checkObjectName } from '../../object-name.ts';
import {
  emptyContent,
  rangedContent,
  type OpenedRange,
  rangeHeader,
} from '../../network/ranged-read.ts';
import type { NameCodec } from '../../network/escaped-name.ts';
import type {
  ByteRange,
  GetOptions,
  PutOptions,
  Storage,
  StorageCapabilities,
  StorageObject,
} from '../../storage.ts';
import { type DropboxApi, type DropboxEntry, entryIn } from './dropbox-api.ts';
import { upload, WrongContent } from './dropbox-upload.ts';

export interface DropboxSettings {
  readonly api: DropboxApi;
  /** Without slashes at its ends; empty for the root. */
  readonly folder: string;
  readonly names: NameCodec;
  readonly fragmentSize: number;
  readonly permanent: boolean;
  readonly warn: (problem: AppError) => void;
}

/** Entries of one page of a listing; the most that Dropbox gives. */
const pageSize = 2000;

/** Objects as files in a folder of Dropbox. */
export class DropboxStorage implements Storage {
  readonly location: string;
  readonly capabilities: StorageCapabilities = {
    atomicReplace: true,
    conditionalPut: true,
    // Dropbox promises no bound.
    listingLag: undefined,
    modifiedTimes: true,
    // An upload in sessions; one file may have 2 TiB.
    maxObjectSize: 2 * 1024 ** 4,
    // More writers than that get in each other's way: the namespace is locked for each.
    concurrency: 6,
  };
  readonly #settings: DropboxSettings;
  readonly #root: string;
  #warned = false;

  constructor(settings: DropboxSettings) {
    this.#settings = settings;
    this.#root = settings.folder === '' ? '' : `/${settings.folder}`;
    this.location = `dropbox://${settings.folder}`;
  }

  async put(name: string, body: Body, options: PutOptions = {}): Promise<void> {
    const { signal, ifAbsent = false } = options;
    signal?.throwIfAborted();
    const { api, fragmentSize } = this.#settings;
    const path = this.#pathOf(name);
    try {
      await upload(api, { name, path, body, ifAbsent, fragmentSize, signal });
    } catch (error) {
      if (error instanceof WrongContent) await this.#remove(path, error.entry, error.message, {});
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
    const folder = prefix.slice(0, Math.max(0, prefix.lastIndexOf('/')));
    const path = folder === '' ? this.#root : `${this.#root}/${names.encode(folder)}`;
    const action = `list "${prefix}"`;
    const first = { path, recursive: true, limit: pageSize };
    const seen = new Set<string>();
    let page: Page;
    try {
      page = pageIn(await api.call('files/list_folder', first, action, { signal }), action);
    } catch (error) {
      if (hasCode(error, 'storage/not-found')) return;
      throw error;
    }
    for (;;) {
      for (const entry of page.entries) {
        if (entry['.tag'] !== 'file') continue;
        const name = this.#nameOf(entry);
        // What changes during the listing may come again on a later page.
        if (name === undefined || seen.has(name) || !name.startsWith(prefix)) continue;
        seen.add(name);
        yield objectOf(name, entry);
        signal?.throwIfAborted();
      }
      if (!page.has_more) return;
      const { cursor } = page;
      page = pageIn(
        await api.call('files/list_folder/continue', { cursor }, action, { signal }),
        action,
      );
    }
  }

  async delete(name: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const action = `delete "${name}"`;
    try {
      const entry = await this.#find(name, action, { signal });
      await this.#remove(this.#pathOf(name), entry, action, { signal });
    } catch (error) {
      if (!hasCode(error, 'storage/not-found')) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#settings.api[Symbol.asyncDispose]();
  }

  /** Deletes this revision of a file: never a folder, with all that is in it, and never what has replaced the file. */
  async #remove(
    path: string,
    { rev }: DropboxEntry,
    action: string,
    options: CallOptions,
  ): Promise<void> {
    const { api, permanent } = this.#settings;
    const call = permanent ? 'files/permanently_delete' : 'files/delete_v2';
    try {
      await api.call(call, { path, parent_rev: rev }, action, options);
    } catch (error) {
      if (!hasCode(error, 'storage/already-exists', 'storage/not-found')) throw error;
      if (hasCode(error, 'storage/already-exists')) {
        throw new AppError('storage/unavailable', `Cannot ${action}: it is being replaced`, {
          cause: error,
        });
      }
    }
  }

  async #open(name: string, { signal, range }: GetOptions): Promise<OpenedRange> {
    signal?.throwIfAborted();
    const path = this.#pathOf(name);
    const place = await this.#placeOf(name, range, { signal });
    if (place?.length === 0) return emptyContent();
    const action = `read "${name}"`;
    const { api } = this.#settings;
    const response = await api.fetch('files/download', { path }, rangeHeader(place), action, {
      signal,
    });
    const metadata = response.header('dropbox-api-result');
    if (!this.#isMeant(name, metadata)) {
      await response.discard();
      throw missing(name);
    }
    if (response.status === 416 || this.#isShort(response.header('content-range'), place)) {
      await response.discard();
      const { size } = await this.stat(name, { signal });
      resolveRange(name, size, range);
      throw new AppError('storage/unavailable', `Cannot ${action}: it changed meanwhile`);
    }
    const size = metadata === undefined ? undefined : entryIn(JSON.parse(metadata), action).size;
    return rangedContent(name, response, place, size);
  }

  /** Where a range lies. The size is asked for only when the range itself does not say. */
  async #placeOf(
    name: string,
    range: ByteRange | undefined,
    options: CallOptions,
  ): Promise<ResolvedRange | undefined> {
    if (range === undefined) return undefined;
    const { offset, length } = range;
    const known =
      Number.isSafeInteger(offset) &&
      offset >= 0 &&
      length !== undefined &&
      Number.isSafeInteger(length) &&
      length > 0;
    if (known) return { offset, length };
    const { size } = await this.stat(name, options);
    return resolveRange(name, size, range);
  }

  /** A range that ends behind the object is cut by the server: for us it is an error. */
  #isShort(contentRange: string | undefined, place: ResolvedRange | undefined): boolean {
    const size = /\/(\d+)$/u.exec(contentRange ?? '')?.[1];
    return place !== undefined && size !== undefined && place.offset + place.length > Number(size);
  }

  async #find(name: string, action: string, options: CallOptions): Promise<DropboxEntry> {
    const path = this.#pathOf(name);
    const { api } = this.#settings;
    const entry = entryIn(await api.call('files/get_metadata', { path }, action, options), action);
    if (entry['.tag'] !== 'file' || !this.#isMeant(name, JSON.stringify(entry)))
      throw missing(name);
    return entry;
  }

  /** Whether metadata are those of the object, when names are not escaped and the service gives those of another case as well. */
  #isMeant(name: string, metadata: string | undefined): boolean {
    if (this.#settings.names.keepsCase || metadata === undefined) return true;
    const found = entryIn(JSON.parse(metadata), `look at "${name}"`).name;
    return found.normalize('NFC') === name.split('/').at(-1)?.normalize('NFC');
  }

  #pathOf(name: string): string {
    checkObjectName(name);
    return `${this.#root}/${this.#settings.names.encode(name)}`;
  }

  /** The name of a listed file; of one that is not ours nothing but a warning. */
  #nameOf(entry: DropboxEntry): string | undefined {
    const { names, warn } = this.#settings;
    // Folders of `path_display` may be written otherwise than their files say; escaped names have small letters only.
    const path = names.keepsCase ? entry.path_lower : entry.path_display;
    const stored = path.split('/').slice(this.#root.split('/').length).join('/');
    const isOurs = !names.keepsCase || entry.name === entry.name.toLowerCase();
    const name = isOurs ? names.decode(stored) : undefined;
    if (name === undefined && !this.#warned) {
      this.#warned = true;
      warn(
        new AppError('input/invalid', `"${entry.path_display}" in Dropbox is no name of ours`, {
          hint: 'Files that another program has put there are left out; with "names=plain" they are seen',
        }),
      );
    }
    return name;
  }
}

interface Page {
  readonly entries: readonly DropboxEntry[];
  readonly cursor: string;
  readonly has_more: boolean;
}

function pageIn(answer: unknown, action: string): Page {
  const page = answer as Partial<Page> | null;
  // An answer that does not say whether there is more must not pass for the end.
  const { entries, cursor, has_more: hasMore } = page ?? {};
  if (Array.isArray(entries) && typeof cursor === 'string' && typeof hasMore === 'boolean')
    return { entries, cursor, has_more: hasMore };
  throw new AppError('storage/unavailable', `Cannot ${action}: Dropbox's answer is not understood`);
}

function objectOf(
  name: string,
  { size = 0, server_modified: modified }: DropboxEntry,
): StorageObject {
  const time = Date.parse(modified ?? '');
  return { name, size, ...(Number.isFinite(time) && { modified: time }) };
}

function missing(name: string): AppError {
  return new AppError('storage/not-found', `Cannot find "${name}": there is no such object`);
}
