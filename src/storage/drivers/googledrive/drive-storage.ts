import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { Turns } from '../../../base/turns.ts';
import type { Body } from '../../body.ts';
import { canStartName, checkObjectName } from '../../object-name.ts';
import {
  emptyContent,
  placeOf,
  rangedContent,
  type OpenedRange,
  rangeHeader,
} from '../../network/ranged-read.ts';
import type {
  GetOptions,
  PutOptions,
  Storage,
  StorageCapabilities,
  StorageObject,
} from '../../storage.ts';
import { type DriveApi, type DriveFile, googleTypes, quoted } from './drive-api.ts';
import { DriveFolders, inParents } from './drive-folders.ts';
import { listObjects, newestFirst, objectOf } from './drive-listing.ts';
import { upload, WrongContent } from './drive-upload.ts';

export interface DriveSettings {
  readonly api: DriveApi;
  /** The id of the folder in which `folder` is; `undefined` for the root of the drive. */
  readonly rootFolder: string | undefined;
  /** Names of folders, without slashes at the ends; empty for the root itself. */
  readonly folder: string;
  readonly warn: (problem: AppError) => void;
}

/** Objects as files in folders of Google Drive, where names are no keys: several files may have the same one. */
export class DriveStorage implements Storage {
  readonly location: string;
  readonly capabilities: StorageCapabilities = {
    atomicReplace: true,
    // Nothing in Drive keeps two files from having the same name.
    conditionalPut: false,
    // Drive's search is eventually consistent, without a bound.
    listingLag: undefined,
    modifiedTimes: true,
    maxObjectSize: 5 * 1024 ** 4,
    concurrency: 8,
  };
  readonly #settings: DriveSettings;
  readonly #folders: DriveFolders;
  /** Two puts of one name at once would make two files. */
  readonly #turns = new Turns();

  constructor(settings: DriveSettings) {
    this.#settings = settings;
    this.#folders = new DriveFolders(settings.api, settings.rootFolder);
    this.location = `googledrive://${settings.folder}`;
  }

  async put(name: string, body: Body, options: PutOptions = {}): Promise<void> {
    const { signal, ifAbsent = false } = options;
    signal?.throwIfAborted();
    checkObjectName(name);
    const action = `store "${name}"`;
    const { api } = this.#settings;
    const { path, fileName } = this.#placeOf(name);
    using _turn = await this.#turns.take(name, { signal });
    await this.#withFolders(action, async () => {
      const folders = await this.#folders.make(path, action, { signal });
      const [newest, ...older] = await this.#files(folders, fileName, action, { signal });
      if (newest !== undefined && ifAbsent)
        throw new AppError('storage/already-exists', `Cannot ${action}: it is already there`);
      const [folder = ''] = folders;
      const target = newest === undefined ? { folder, fileName } : { id: newest.id };
      try {
        await upload(api, { name, body, target, signal });
      } catch (error) {
        if (error instanceof WrongContent)
          await api.remove(error.file.id, action, { trash: false });
        throw error;
      }
      await this.#removeOlder(older, name);
    });
  }

  async get(name: string, options: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return (await this.#open(name, options)).stream;
  }

  async read(name: string, options: GetOptions = {}): Promise<Uint8Array> {
    return await (await this.#open(name, options)).bytes();
  }

  async stat(name: string, { signal }: CallOptions = {}): Promise<StorageObject> {
    signal?.throwIfAborted();
    return objectOf(name, await this.#newest(name, `look at "${name}"`, { signal }));
  }

  async *list(
    prefix: string,
    { signal }: CallOptions = {},
  ): AsyncGenerator<StorageObject, void, undefined> {
    signal?.throwIfAborted();
    if (!canStartName(prefix)) return;
    const base = this.#settings.folder;
    const path = prefix.slice(0, Math.max(0, prefix.lastIndexOf('/')));
    const action = `list "${prefix}"`;
    // Folders that others have made since are seen as well.
    this.#folders.forget();
    const ids = await this.#folders.find(joined(base, path), action, { signal });
    if (ids.length === 0) return;
    const search = { base, start: { path, ids }, prefix };
    yield* listObjects(this.#settings.api, this.#folders, search, { signal });
  }

  async delete(name: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const action = `delete "${name}"`;
    using _turn = await this.#turns.take(name, { signal });
    for (const { id } of await this.#find(name, action, { signal }))
      await this.#settings.api.remove(id, action, { signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#settings.api[Symbol.asyncDispose]();
  }

  /** Files that have the name as well and no longer count; that they are still there does no harm. */
  async #removeOlder(files: readonly DriveFile[], name: string): Promise<void> {
    try {
      for (const { id } of files)
        await this.#settings.api.remove(id, `remove an old version of "${name}"`);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.#settings.warn(error);
    }
  }

  async #open(name: string, { signal, range }: GetOptions): Promise<OpenedRange> {
    signal?.throwIfAborted();
    const action = `read "${name}"`;
    const file = await this.#newest(name, action, { signal });
    const place = placeOf(name, Number(file.size ?? 0), range);
    if (place?.length === 0) return emptyContent();
    const header = rangeHeader(place);
    return rangedContent(
      name,
      await this.#settings.api.content(file.id, header, action, { signal }),
      place,
      Number(file.size ?? 0),
    );
  }

  async #newest(name: string, action: string, options: CallOptions): Promise<DriveFile> {
    const [newest] = await this.#find(name, action, options);
    if (newest !== undefined) return newest;
    throw new AppError('storage/not-found', `Cannot ${action}: there is no such object`);
  }

  /** All files of this name, the one that counts first. */
  async #find(name: string, action: string, options: CallOptions): Promise<readonly DriveFile[]> {
    checkObjectName(name);
    const { path, fileName } = this.#placeOf(name);
    return this.#withFolders(action, async () => {
      const folders = await this.#folders.find(path, action, options);
      return this.#files(folders, fileName, action, options);
    });
  }

  async #files(
    folders: readonly string[],
    fileName: string,
    action: string,
    options: CallOptions,
  ): Promise<readonly DriveFile[]> {
    if (folders.length === 0) return [];
    const query = `${inParents(folders)} and name = ${quoted(fileName)} and trashed = false`;
    const found = await this.#settings.api.find(query, action, options);
    // Drive compares names in a query without regard to case.
    const files = found.filter(
      ({ name, mimeType }) => name === fileName && !mimeType.startsWith(googleTypes),
    );
    return newestFirst(files);
  }

  /** A folder that was remembered and has been deleted since looks like an object that is missing: then it is looked for anew. */
  async #withFolders<Result>(action: string, call: () => Promise<Result>): Promise<Result> {
    try {
      return await call();
    } catch (error) {
      if (!hasCode(error, 'storage/not-found')) throw error;
      this.#folders.forget();
      throw new AppError('storage/unavailable', `Cannot ${action}: a folder is gone`, {
        cause: error,
      });
    }
  }

  #placeOf(name: string): { readonly path: string; readonly fileName: string } {
    const slash = name.lastIndexOf('/');
    const above = name.slice(0, Math.max(0, slash));
    return { path: joined(this.#settings.folder, above), fileName: name.slice(slash + 1) };
  }
}

function joined(above: string, path: string): string {
  return above === '' || path === '' ? above + path : `${above}/${path}`;
}
