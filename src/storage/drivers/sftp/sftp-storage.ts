import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import type { Body } from '../../body.ts';
import { sizeOfBody } from '../../body.ts';
import { streamOf } from '../../byte-stream.ts';
import { canStartName } from '../../object-name.ts';
import type {
  GetOptions,
  PutOptions,
  Storage,
  StorageCapabilities,
  StorageObject,
} from '../../storage.ts';
import { Directories, parentOf, type Prepared } from './directories.ts';
import { DirectorySync } from './directory-sync.ts';
import { isDirectory, isFile } from './file-type.ts';
import { Leftovers } from './leftovers.ts';
import { listDirectory } from './list-directory.ts';
import { openObject, type OpenObject, type Reading } from './open-object.ts';
import { lookAt } from './look-at.ts';
import { type FileAttributes, statusCode } from './packet.ts';
import { Publisher } from './publish.ts';
import { RemoteRoot } from './remote-root.ts';
import type { SftpSession } from './session.ts';
import type { Lease, SessionPool } from './session-pool.ts';
import { hasStatus, unlessStatus } from './status-error.ts';
import { outOfSpace, readOnly, translateError } from './translate-error.ts';
import { Upload } from './upload.ts';

export interface SftpStorageSettings {
  readonly pool: SessionPool;
  /** For people. */
  readonly location: string;
  /** As the server is asked for it. */
  readonly directory: string;
  readonly clock: Clock;
}

/** A file system that has less room than this is taken for full after a failure. */
const nothingFree = 1024n ** 2n;

/**
 * Objects as files below a directory of a server. A file is written under a temporary name, synced, and renamed, as well as the server can;
 * links are not followed. The first `put` makes the directory.
 */
export class SftpStorage implements Storage {
  readonly location: string;
  readonly #pool: SessionPool;
  readonly #root: RemoteRoot;
  readonly #sync = new DirectorySync();
  readonly #directories: Directories;
  readonly #leftovers: Leftovers;
  readonly #publisher = new Publisher();
  readonly #atomicReplace: boolean;

  private constructor(
    { pool, location, directory, clock }: SftpStorageSettings,
    session: SftpSession,
  ) {
    this.location = location;
    this.#pool = pool;
    this.#leftovers = new Leftovers(clock);
    this.#root = new RemoteRoot(directory, location);
    this.#directories = new Directories(this.#root, this.#sync);
    this.#atomicReplace = session.has('posix-rename');
  }

  /** Connects, and asks whether the directory is there; makes nothing. Takes the pool over, also when it rejects. */
  static async open(
    settings: SftpStorageSettings,
    { signal }: CallOptions = {},
  ): Promise<SftpStorage> {
    try {
      using lease = await settings.pool.acquire('question', { signal });
      const { session } = lease;
      const storage = new SftpStorage(settings, session);
      // Nobody waits for the answer: it comes before any other over this connection, and what is wrong with the directory every call tells.
      const looking = storage.#root.exists(session).then((isThere) => {
        if (isThere) storage.#directories.noteRoot();
      });
      session.later(looking);
      return storage;
    } catch (error) {
      await settings.pool[Symbol.asyncDispose]();
      throw translateError(error, `open "${settings.location}"`);
    }
  }

  get capabilities(): StorageCapabilities {
    return {
      atomicReplace: this.#atomicReplace,
      conditionalPut: this.#publisher.isConditional,
      listingLag: 0,
      modifiedTimes: true,
      concurrency: 16,
    };
  }

  async put(
    name: string,
    body: Body,
    { signal, ifAbsent = false }: PutOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    const file = this.#root.fileOf(name);
    using lease = await this.#pool.acquire('store', {
      signal,
      bytes: sizeOfBody(body),
    });
    const { session } = lease;
    try {
      // Only to save the writing: what decides is the publication.
      const before = ifAbsent ? this.#exists(session, file) : undefined;
      before?.catch(() => undefined);
      const { upload, durable } = await this.#create(session, name, file, { signal });
      const directory = this.#sync.hold(session, this.#root.pathOf(parentOf(name)));
      try {
        if (before !== undefined && (await session.until(before, { signal })))
          throw alreadyThere(name);
        await upload.write(name, body, { signal });
        signal?.throwIfAborted();
        const publication = { name, temporary: upload.temporary, file };
        const published = ifAbsent
          ? this.#publisher.createNew(session, publication)
          : this.#publisher.replace(session, publication);
        // A server does in order what concerns one directory, so that the name can be synced in the same round trip. From here on the object
        // may be visible: an abort comes too late.
        const finished = Promise.all([published, directory.sync(), durable]);
        const [steps] = await session.finished(finished, { signal });
        if (steps === 'several') await session.finished(directory.sync(), { signal });
      } catch (error) {
        const explained = await this.#explained(session, error, name, body, { signal });
        upload.discard(this.#leftovers);
        throw explained;
      } finally {
        directory.release();
      }
      this.#leftovers.sweep(session);
    } catch (error) {
      throw this.#translate(error, `store "${name}"`);
    }
  }

  async get(name: string, { signal, range }: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const { object, lease } = await this.#open(name, { range, whole: false }, { signal });
    return streamOf(
      {
        next: () => this.#reading(name, lease.session, () => object.next({ signal })),
        close() {
          object.close();
          lease[Symbol.dispose]();
        },
      },
      { signal },
    );
  }

  async read(name: string, { signal, range }: GetOptions = {}): Promise<Uint8Array> {
    const { object, lease } = await this.#open(name, { range, whole: true }, { signal });
    try {
      return await this.#reading(name, lease.session, () => readAll(object, { signal }));
    } finally {
      object.close();
      lease[Symbol.dispose]();
    }
  }

  async stat(name: string, { signal }: CallOptions = {}): Promise<StorageObject> {
    signal?.throwIfAborted();
    const file = this.#root.fileOf(name);
    using lease = await this.#pool.acquire('question', { signal });
    const { session } = lease;
    const found = await this.#reading(name, session, () =>
      session.until(session.lstat(file), { signal }),
    );
    if (isDirectory(found))
      throw new AppError('storage/not-found', `No object "${name}": it is a directory`);
    if (!isFile(found))
      throw new AppError('storage/access-denied', `Cannot use "${name}": it is no regular file`);
    if (found.size === undefined)
      throw new AppError(
        'storage/access-denied',
        `Cannot use "${name}": the server does not tell its size`,
      );
    return {
      name,
      size: found.size,
      ...(found.modified !== undefined && { modified: found.modified }),
    };
  }

  async *list(
    prefix: string,
    { signal }: CallOptions = {},
  ): AsyncGenerator<StorageObject, void, undefined> {
    signal?.throwIfAborted();
    using lease = await this.#pool.acquire('question', { signal });
    const { session } = lease;
    try {
      if (!canStartName(prefix)) return;
      const listing = { session, root: this.#root, times: this.#leftovers.times };
      const start = parentOf(prefix);
      yield* listDirectory(listing, { start, prefix }, { signal });
    } catch (error) {
      throw this.#translate(error, `list "${prefix}"`);
    }
  }

  async prepare(prefixes: readonly string[], { signal }: CallOptions = {}): Promise<void> {
    try {
      using lease = await this.#pool.acquire('question', { signal });
      const { session } = lease;
      this.#pool.expectStoring();
      const making = prefixes.map((prefix) => {
        const { ready } = this.#directories.prepare(session, parentOf(prefix));
        return session.until(ready, { signal });
      });
      await Promise.allSettled(making);
    } catch {
      // Whoever stores something there meets the same failure.
    }
  }

  expectReads(): void {
    this.#pool.expectFetching();
  }

  async removeMade({ signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    using lease = await this.#pool.acquire('question', { signal });
    const { session } = lease;
    try {
      await session.until(this.#pool.settled(), { signal });
      await session.until(this.#directories.removeMade(session), { signal });
      this.#root.forget();
    } catch (error) {
      throw this.#translate(error, 'remove the directories that were made');
    }
  }

  async delete(name: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const file = this.#root.fileOf(name);
    using lease = await this.#pool.acquire('question', { signal });
    const { session } = lease;
    try {
      await session.until(this.#remove(session, name, file), { signal });
      this.#leftovers.sweep(session);
    } catch (error) {
      throw this.#translate(error, `delete "${name}"`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
  }

  /** A file beside the object-to-be; its directory is made if need be, also when somebody has removed it since the last `put`. */
  async #create(
    session: SftpSession,
    name: string,
    file: string,
    options: CallOptions,
  ): Promise<Prepared & { readonly upload: Upload }> {
    const directory = parentOf(name);
    const create = async (): Promise<Prepared & { readonly upload: Upload }> => {
      const { ready, asked } = this.#directories.prepare(session, directory);
      ready.catch(() => undefined); // it is waited for after the file was asked for
      await session.until(asked, options);
      // Without waiting for the directory: that saves a round trip.
      const creating = Upload.create(session, file, options);
      creating.catch(() => undefined); // why there is no directory comes first
      try {
        const { durable } = await session.until(ready, options);
        return { upload: await creating, durable };
      } catch (error) {
        // Nothing stays behind a link that must not be followed.
        const removed = creating.then(
          (upload) => upload.remove(this.#leftovers),
          () => undefined,
        );
        await session.until(removed, options);
        throw error;
      }
    };
    try {
      return await create();
    } catch (error) {
      if (!hasStatus(error, statusCode.noSuchFile))
        throw await this.#explained(session, error, name, undefined, options);
      this.#directories.forget(directory);
      return await create();
    }
  }

  async #exists(session: SftpSession, file: string): Promise<boolean> {
    return (await unlessStatus(session.lstat(file), statusCode.noSuchFile)) !== undefined;
  }

  async #remove(session: SftpSession, name: string, file: string): Promise<void> {
    const removing = session.remove(file);
    const held = this.#sync.hold(session, this.#root.pathOf(parentOf(name)));
    try {
      await removing;
    } catch (error) {
      held.release();
      if (!hasStatus(error)) throw error;
      const found = await lookAt(session, this.#root, name);
      if (found === undefined) await this.#root.exists(session);
      // A directory is no object.
      else if (!isDirectory(found)) throw error;
      return;
    }
    await held.sync().finally(() => held.release());
  }

  async #open(
    name: string,
    how: Pick<Reading, 'range' | 'whole'>,
    { signal }: CallOptions,
  ): Promise<{ readonly object: OpenObject; readonly lease: Lease }> {
    signal?.throwIfAborted();
    const file = this.#root.fileOf(name);
    const lease = await this.#pool.acquire('fetch', { signal });
    try {
      const { session } = lease;
      const object = await this.#reading(name, session, () =>
        openObject(session, { name, file, ...how }, { signal }),
      );
      return { object, lease };
    } catch (error) {
      lease[Symbol.dispose]();
      throw error;
    }
  }

  /** Translates; and "there is no such object" is said only of a storage that is there itself. */
  async #reading<Result>(
    name: string,
    session: SftpSession,
    call: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await call();
    } catch (error) {
      const action = `read "${name}"`;
      if (!hasStatus(error)) throw error;
      let found: FileAttributes | undefined;
      try {
        await this.#root.exists(session);
        found = await lookAt(session, this.#root, name);
      } catch (later) {
        // A directory that may not be entered says no more than the object in it.
        throw this.#translate(hasStatus(later) ? error : later, action);
      }
      if (found !== undefined && !isDirectory(found)) throw this.#translate(error, action);
      throw new AppError(
        'storage/not-found',
        `Cannot ${action} in "${this.location}": there is no such object`,
        {
          cause: error,
        },
      );
    }
  }

  /** OpenSSH says "Failure" of almost everything, so the file system is asked whether it is full or read-only. */
  async #explained(
    session: SftpSession,
    error: unknown,
    name: string,
    body: Body | undefined,
    options: CallOptions,
  ): Promise<unknown> {
    if (!hasStatus(error, statusCode.failure) || !session.has('statvfs') || session.isLost)
      return error;
    const action = `store "${name}" in "${this.location}"`;
    try {
      const { free, isReadOnly } = await session.until(
        session.fileSystem(this.#root.path),
        options,
      );
      if (isReadOnly) return readOnly(error, action);
      const needed = body === undefined ? 0n : BigInt(sizeOfBody(body));
      return free < nothingFree || free < needed ? outOfSpace(error, action) : error;
    } catch (other) {
      // The first failure is the one to tell.
      return hasStatus(other) || hasCode(other) ? error : other;
    }
  }

  #translate(error: unknown, action: string): unknown {
    return translateError(error, `${action} in "${this.location}"`);
  }
}

async function readAll(object: OpenObject, options: CallOptions): Promise<Uint8Array> {
  const joined = new Uint8Array(object.length);
  let seen = 0;
  for (;;) {
    const piece = await object.next(options);
    if (piece === undefined) return joined;
    joined.set(piece, seen);
    seen += piece.byteLength;
  }
}

function alreadyThere(name: string): AppError {
  return new AppError('storage/already-exists', `Cannot store "${name}": it is already there`);
}
