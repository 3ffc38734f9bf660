import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { Turns } from '../../../base/turns.ts';
import { type Body, sizeOfBody } from '../../body.ts';
import { collect } from '../../byte-stream.ts';
import { canStartName, checkObjectName } from '../../object-name.ts';
import type {
  ByteSource,
  GetOptions,
  PutOptions,
  Storage,
  StorageCapabilities,
  StorageObject,
} from '../../storage.ts';
import type { NameCodec } from '../escaped-name.ts';
import { type HttpResponse, statusError } from '../http-client.ts';
import { LeftoverTimes } from '../leftover-times.ts';
import { type OpenedRange, openRange } from '../ranged-read.ts';
import { MadeDirectories, type RemotePlace } from './made-directories.ts';
import { listRemote, type RemoteEntry, remoteEntry } from './list-remote.ts';
import type { RcloneConnection, RemoteFacts } from './rclone-connection.ts';
import { rcloneError } from './rclone-error.ts';
import { encodedPath, type RcloneProcess, servedRemote } from './rclone-process.ts';
import { uploadTo } from './rclone-upload.ts';
import { isUnfinished } from '../../temporary-name.ts';
import { isChangedByUpload, unfinishedBeside } from './unfinished-name.ts';

/** How a remote is used as a storage. */
export interface RcloneStorageSettings {
  readonly location: string;
  readonly connection: RcloneConnection;
  readonly facts: RemoteFacts;
  readonly names: NameCodec;
  /** A move onto an object that is there fails on the server, so that it decides who comes first. */
  readonly moveIsExclusive: boolean;
  /** Seconds; `undefined` when no bound is known. */
  readonly listingLag: number | undefined;
  readonly concurrency: number;
  readonly clock: Clock;
  /** Where empty directories can be told from others and removed. */
  readonly place?: RemotePlace;
}

/**
 * Objects on a remote of rclone. Where the remote can move files, an object is uploaded beside its place, looked at, and moved there, so
 * that half an upload is never seen; object stores, which cannot move, show an upload when it is whole.
 */
export class RcloneStorage implements Storage {
  readonly location: string;
  readonly capabilities: StorageCapabilities;
  readonly #connection: RcloneConnection;
  readonly #moves: boolean;
  readonly #moveIsExclusive: boolean;
  readonly #names: NameCodec;
  readonly #clock: Clock;
  readonly #times = new LeftoverTimes();
  readonly #directories: MadeDirectories | undefined;
  /** The moves and uploads to a name under way, so that they come one after the other. */
  readonly #turns = new Turns();
  /** Removals of unfinished uploads, which nobody waits for until the end. */
  readonly #removals = new Set<Promise<void>>();

  constructor({ location, connection, facts, names, clock, ...rest }: RcloneStorageSettings) {
    this.location = location;
    this.#connection = connection;
    this.#names = names;
    this.#clock = clock;
    this.#directories = rest.place && new MadeDirectories(rest.place);
    this.#moves = facts.canMove && !showsOnlyWhole(facts);
    this.#moveIsExclusive = rest.moveIsExclusive && this.#moves;
    this.capabilities = {
      // A move takes the old object away first.
      atomicReplace: facts.isBucketBased && !facts.canMove,
      conditionalPut: this.#moveIsExclusive,
      listingLag: rest.listingLag,
      modifiedTimes: true,
      concurrency: rest.concurrency,
    };
  }

  async put(
    name: string,
    body: Uint8Array | ByteSource,
    { ifAbsent = false, signal }: PutOptions = {},
  ): Promise<void> {
    const remote = this.#remoteOf(name);
    const action = `store "${name}"`;
    const rclone = await this.#connection.process({ signal });
    if (ifAbsent && (await this.#look(rclone, remote, { action, signal })) !== undefined)
      throw new AppError('storage/already-exists', `"${name}" is already there`);
    await this.#directories?.note(rclone, remote, { signal });
    if (!this.#moves && !isChangedByUpload(remote)) {
      // Otherwise the look at what has arrived would see what another one stores.
      using _turn = await this.#turns.take(remote, { signal });
      await this.#upload(rclone, name, remote, body, { signal });
      return;
    }
    const unfinished = unfinishedBeside(remote);
    try {
      await this.#upload(rclone, name, unfinished, body, { signal });
      using _turn = await this.#turns.take(remote, { signal });
      await this.#publish(rclone, name, unfinished, remote, { ifAbsent, signal });
    } catch (error) {
      this.#remove(rclone, unfinished);
      throw hasCode(error, 'storage/not-found') ? vanished(action, error) : error;
    }
  }

  async get(name: string, options: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return (await this.#open(name, options)).stream;
  }

  async read(name: string, options: GetOptions = {}): Promise<Uint8Array> {
    const { stream, length } = await this.#open(name, options);
    return await collect(name, stream, length);
  }

  async stat(name: string, { signal }: CallOptions = {}): Promise<StorageObject> {
    const remote = this.#remoteOf(name);
    const rclone = await this.#connection.process({ signal });
    const found = await this.#look(rclone, remote, { action: `look at "${name}"`, signal });
    if (found === undefined) throw notFound(name);
    return objectOf(name, found);
  }

  async *list(prefix: string, { signal }: CallOptions = {}): AsyncIterable<StorageObject> {
    signal?.throwIfAborted();
    if (!canStartName(prefix)) return;
    const action = `list "${prefix}"`;
    const rclone = await this.#connection.process({ signal });
    const slash = prefix.lastIndexOf('/');
    const start = slash < 0 ? '' : this.#encodedOrNothing(prefix.slice(0, slash));
    if (start === undefined) return;
    const wanted = (directory: string): boolean => {
      const name = this.#names.decode(directory);
      return name !== undefined && `${name}/`.startsWith(prefix);
    };
    for await (const entry of listRemote(rclone, start, wanted, { action, signal })) {
      this.#times.see(entry.modified);
      if (isUnfinished(entry.path)) this.#times.note(entry.path, entry.modified);
      else if (entry.size >= 0) {
        const name = this.#names.decode(entry.path);
        if (name?.startsWith(prefix) === true) yield objectOf(name, entry);
      }
      signal?.throwIfAborted();
    }
    for (const path of this.#times.takeOld(this.#clock.now())) this.#remove(rclone, path);
  }

  async delete(name: string, { signal }: CallOptions = {}): Promise<void> {
    const remote = this.#remoteOf(name);
    const rclone = await this.#connection.process({ signal });
    const parameters = { fs: servedRemote, remote };
    try {
      await rclone.call('operations/deletefile', parameters, {
        action: `delete "${name}"`,
        signal,
      });
    } catch (error) {
      if (!hasCode(error, 'storage/not-found')) throw error;
    }
  }

  async removeMade({ signal }: CallOptions = {}): Promise<void> {
    if (this.#directories === undefined) return;
    // What nobody waits for lies in them.
    await Promise.all(this.#removals);
    await this.#directories.remove(await this.#connection.process({ signal }), { signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#removals);
    await this.#connection[Symbol.asyncDispose]();
  }

  #remoteOf(name: string): string {
    checkObjectName(name);
    const remote = this.#names.encode(name);
    if (!isUnfinished(remote) && !remote.includes('\n')) return remote;
    throw new AppError(
      'input/invalid',
      `Cannot use ${JSON.stringify(name)} as an object name: ${isUnfinished(remote) ? 'names like it are reserved' : 'it holds a line break'}`,
    );
  }

  /** Nothing can be below a directory that the remote cannot have. */
  #encodedOrNothing(directory: string): string | undefined {
    try {
      return this.#names.encode(directory);
    } catch (error) {
      if (hasCode(error, 'input/invalid')) return undefined;
      throw error;
    }
  }

  /** Uploads to a path and looks whether all of it has arrived. */
  async #upload(
    rclone: RcloneProcess,
    name: string,
    remote: string,
    body: Body,
    { signal }: CallOptions,
  ): Promise<void> {
    const action = `store "${name}"`;
    const path = `/${encodedPath(remote)}`;
    const status = await uploadTo(rclone.session, path, body, { name, signal });
    if (status !== 200) {
      const error = rcloneError(await rclone.wordsAbout(remote), action);
      throw error.code === 'storage/not-found' ? vanished(action, error) : error;
    }
    const stored = await this.#look(rclone, remote, { action, signal });
    const size = sizeOfBody(body);
    // What encrypts or packs below us tells the size of what we gave it; -1 is no size at all.
    if (stored === undefined || (stored.size !== size && stored.size >= 0)) {
      throw new AppError(
        'storage/unavailable',
        `Cannot store "${name}": ${stored?.size ?? 'none'} of ${size} bytes arrived`,
      );
    }
  }

  /** Gives an upload its name. */
  async #publish(
    rclone: RcloneProcess,
    name: string,
    unfinished: string,
    remote: string,
    { ifAbsent = false, signal }: PutOptions,
  ): Promise<void> {
    const move = (configuration: Readonly<Record<string, unknown>>): Promise<unknown> => {
      signal?.throwIfAborted();
      return rclone.call(
        'operations/movefile',
        {
          srcFs: servedRemote,
          srcRemote: unfinished,
          dstFs: servedRemote,
          dstRemote: remote,
          _config: configuration,
        },
        { action: `store "${name}"`, signal },
      );
    };
    if (this.#moveIsExclusive) {
      try {
        // rclone would look what is there, and remove it.
        await move({ NoCheckDest: true });
        return;
      } catch (error) {
        if (!hasCode(error, 'storage/already-exists') || ifAbsent) throw error;
      }
    }
    await move({});
  }

  async #look(
    rclone: RcloneProcess,
    remote: string,
    options: CallOptions & { readonly action: string },
  ): Promise<RemoteEntry | undefined> {
    const parameters = {
      fs: servedRemote,
      remote,
      opt: { filesOnly: true, noMimeType: true },
    };
    try {
      const { item } = await rclone.call('operations/stat', parameters, options);
      if (typeof item !== 'object' || item === null) return undefined;
      const entry = remoteEntry(item as Readonly<Record<string, unknown>>);
      return entry.isDirectory ? undefined : entry;
    } catch (error) {
      if (hasCode(error, 'storage/not-found')) return undefined;
      throw error;
    }
  }

  async #open(name: string, { range, signal }: GetOptions): Promise<OpenedRange> {
    const remote = this.#remoteOf(name);
    const action = `read "${name}"`;
    const rclone = await this.#connection.process({ signal });
    const look = async (): Promise<RemoteEntry> => {
      const found = await this.#look(rclone, remote, { action, signal });
      if (found === undefined) throw notFound(name);
      return found;
    };
    return await openRange(name, range, {
      async get(header) {
        const headers = header === undefined ? {} : { range: header };
        const response = await rclone.download(remote, headers, { action, signal });
        if (response.status === 200 || response.status === 206) return response;
        await response.discard();
        // It says "not found" also of what it could not open, and nothing else of any other failure.
        await look();
        if (header === undefined) throw refused(response, action);
        return { ...response, status: 416, discard: () => Promise.resolve() };
      },
      size: async () => (await look()).size,
    });
  }

  /** Removes what is no object, some time; what cannot be removed now is found by a later listing. */
  #remove(rclone: RcloneProcess, remote: string): void {
    if (!rclone.isAlive) return;
    const removal = rclone
      .call(
        'operations/deletefile',
        { fs: servedRemote, remote },
        { action: `remove "${remote}"`, signal: AbortSignal.timeout(5000) },
      )
      .then(
        () => undefined,
        () => undefined,
      )
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }
}

/** Services that show an upload when it is whole, for versions of rclone that cannot tell. */
const wholeOnly =
  /^(?:Google drive|Dropbox|One ?Drive|box|jottacloud|Yandex|HiDrive|mega|zoho|premiumize|sharefile|OpenDrive|koofr) ?/iu;

function showsOnlyWhole({ showsPartialUploads, description }: RemoteFacts): boolean {
  // WebDAV servers show what they have of an upload, whatever rclone thinks of them.
  if (description.startsWith('webdav')) return false;
  return showsPartialUploads === undefined ? wholeOnly.test(description) : !showsPartialUploads;
}

function objectOf(name: string, { size, modified }: RemoteEntry): StorageObject {
  return { name, size, ...(modified !== undefined && { modified }) };
}

function notFound(name: string): AppError {
  return new AppError('storage/not-found', `There is no object "${name}"`);
}

/** Something is missing that an upload needs: of the object itself nobody has said that it is not there. */
function vanished(action: string, cause: AppError): AppError {
  return new AppError('storage/unavailable', `Cannot ${action}: ${cause.message}`, { cause });
}

function refused(response: HttpResponse, action: string): AppError {
  if (response.status !== 404) return statusError(response, action);
  return new AppError('storage/unavailable', `Cannot ${action}: the remote could not open it`);
}
