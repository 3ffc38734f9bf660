import path from 'node:path';

import { FTPError } from 'basic-ftp';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import { Turns } from '../../../base/turns.ts';
import { type Body, sizeOfBody } from '../../body.ts';
import { resolveRange } from '../../byte-range.ts';
import { collectAll, streamOf } from '../../byte-stream.ts';
import { LeftoverTimes } from '../../network/leftover-times.ts';
import { canStartName, checkObjectName } from '../../object-name.ts';
import type {
  GetOptions,
  PutOptions,
  Storage,
  StorageCapabilities,
  StorageObject,
} from '../../storage.ts';
import { FtpConnection } from './connection.ts';
import { ConnectionPool } from './connection-pool.ts';
import { DirectoryMaker } from './directory-maker.ts';
import type { DirectoryEntry } from './directory-entry.ts';
import type { FtpServer, FtpSettings } from './ftp-settings.ts';
import { factsOf, kindOf, list, mayBeMissing, sizeOf, unlistable } from './remote-directory.ts';
import { asideBeside, isReserved, isUnfinished, temporaryBeside } from '../../temporary-name.ts';
import { Reception } from './reception.ts';
import { Download, receive, upload } from './transfers.ts';
import { translateError } from './translate-error.ts';
import { confirm, inTheWayOf, reasonFor } from './upload-failure.ts';

/** Connections at once; a server that wants fewer says so and gets fewer. */
const connections = 8;

/** Bytes for which room is made before it is known that they are there. */
const largestReception = 256 * 1024 ** 2;

/** Directories that are listed at once. */
const listedAtOnce = 4;

/**
 * Objects as files on an FTP server. A file is sent under a temporary name, its size is compared, and then it is renamed: a connection
 * that breaks looks to the server like the end of the file. FTP cannot create a file only if there is none, and knows no sync.
 */
export class FtpStorage implements Storage {
  readonly location: string;
  readonly capabilities: StorageCapabilities;
  readonly #settings: FtpSettings;
  readonly #directory: string;
  readonly #pool: ConnectionPool;
  readonly #directories = new DirectoryMaker();
  readonly #turns = new Turns();
  /** Temporaries that broken connections have left; the next `put` removes them. */
  readonly #leftovers = new Set<string>();
  /** Temporaries that listings have shown. */
  readonly #times = new LeftoverTimes();
  #server: FtpServer | undefined;
  #replacesByRename = true;

  /** Connects only when it is used. `directory` is relative to that of the login unless it begins with a slash. */
  constructor(
    settings: FtpSettings,
    { directory, location }: { readonly directory: string; readonly location: string },
  ) {
    this.#settings = settings;
    this.#directory = directory;
    this.location = location;
    this.#pool = new ConnectionPool((options) => this.#connect(options), {
      most: connections,
      clock: settings.clock,
    });
    const found = {
      tellsTimes: () => this.#server?.features.has('MLST') ?? true,
      replaces: () => this.#replacesByRename,
    };
    this.capabilities = {
      get atomicReplace() {
        return found.replaces();
      },
      conditionalPut: false,
      listingLag: 0,
      get modifiedTimes() {
        return found.tellsTimes();
      },
      concurrency: connections,
    };
  }

  async put(
    name: string,
    body: Body,
    { signal, ifAbsent = false }: PutOptions = {},
  ): Promise<void> {
    await this.#calling(`store "${name}"`, name, { signal }, async (connection) => {
      const file = this.#fileOf(connection, name);
      await this.#sweep(connection);
      const temporary = temporaryBeside(file);
      const refuseIfThere = async (): Promise<void> => {
        if (ifAbsent && (await factsOf(connection, file)) !== undefined) throw alreadyThere(name);
      };
      try {
        await this.#send(connection, temporary, { name, body, signal, meanwhile: refuseIfThere });
        await confirm(connection, temporary, { name, size: sizeOfBody(body) });
        signal?.throwIfAborted();
        // Servers look first and rename then: two at once could both find nothing.
        using _turn = await this.#turns.take(name, { signal });
        await refuseIfThere();
        const mayReplace = !ifAbsent;
        await this.#publish(connection, temporary, { name, file, mayReplace });
      } catch (error) {
        const failure = await reasonFor(connection, temporary, error);
        await this.#discard(connection, temporary);
        throw failure;
      }
    });
  }

  async get(name: string, options: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const { download, close } = await this.#open(name, options);
    return streamOf(
      {
        next: async () => {
          try {
            return await download?.next();
          } catch (error) {
            throw translateError(error, `read "${name}"`);
          }
        },
        close,
      },
      { signal: options.signal },
    );
  }

  async read(name: string, options: GetOptions = {}): Promise<Uint8Array> {
    const received = await this.#receive(name, options);
    return received ?? (await collectAll(await this.get(name, options)));
  }

  async stat(name: string, { signal }: CallOptions = {}): Promise<StorageObject> {
    return this.#calling(`look at "${name}"`, name, { signal }, async (connection) => {
      const file = this.#fileOf(connection, name);
      const facts = await factsOf(connection, file);
      if (facts === undefined) throw await this.#notFound(connection, name, file);
      const { size, modified } = facts;
      return { name, size, ...(modified !== undefined && { modified }) };
    });
  }

  async *list(
    prefix: string,
    { signal }: CallOptions = {},
  ): AsyncGenerator<StorageObject, void, undefined> {
    signal?.throwIfAborted();
    if (!canStartName(prefix) || /[\r\n]/u.test(prefix)) return;
    let level: readonly string[] = [prefix.slice(0, prefix.lastIndexOf('/') + 1)];
    while (level.length > 0) {
      const below: string[] = [];
      const listed = mapPool(
        level,
        listedAtOnce,
        async (base, options) => ({ base, entries: await this.#listed(base, prefix, options) }),
        { signal },
      );
      for await (const { base, entries } of listed) {
        for (const entry of entries) {
          const name = base + entry.name;
          if (!name.startsWith(prefix) || !canStartName(name)) continue;
          if (entry.kind === 'directory') below.push(`${name}/`);
          if (entry.kind !== 'file' || isReserved(name)) continue;
          const { size, modified } = entry;
          yield { name, size, ...(modified !== undefined && { modified }) };
          signal?.throwIfAborted();
        }
      }
      level = below;
    }
  }

  async delete(name: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#calling(`delete "${name}"`, name, { signal }, async (connection) => {
      const file = this.#fileOf(connection, name);
      try {
        await connection.send(`DELE ${file}`);
      } catch (error) {
        if (!mayBeMissing(error)) throw error;
        const kind = await kindOf(connection, file);
        if (kind !== 'missing' && kind !== 'directory') throw error;
      }
    });
  }

  async removeMade({ signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    try {
      await this.#pool.use({ signal }, (connection) => this.#directories.removeMade(connection));
    } catch (error) {
      throw translateError(error, 'remove the directories that were made');
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
  }

  async #connect(options: CallOptions): Promise<FtpConnection> {
    const connection = await FtpConnection.open(this.#settings, this.#server, options);
    this.#server ??= connection.server;
    return connection;
  }

  /** One call on a connection of its own, with its failures translated. */
  async #calling<Result>(
    action: string,
    name: string,
    { signal }: CallOptions,
    work: (connection: FtpConnection) => Promise<Result>,
  ): Promise<Result> {
    signal?.throwIfAborted();
    checkName(name);
    try {
      return await this.#pool.use({ signal }, work);
    } catch (error) {
      throw translateError(error, action);
    }
  }

  #rootOf({ server }: FtpConnection): string {
    return path.posix.resolve(server.home, this.#directory);
  }

  #fileOf(connection: FtpConnection, name: string): string {
    return path.posix.join(this.#rootOf(connection), name);
  }

  async #send(
    connection: FtpConnection,
    temporary: string,
    {
      meanwhile,
      ...content
    }: CallOptions & {
      readonly name: string;
      readonly body: Body;
      readonly meanwhile: () => Promise<void>;
    },
  ): Promise<void> {
    const directory = path.posix.dirname(temporary);
    const wasKnown = this.#directories.knows(directory);
    await this.#directories.prepare(connection, directory);
    await connection.prepare(meanwhile);
    try {
      await upload(connection, temporary, content);
    } catch (error) {
      if (!mayBeMissing(error)) throw error;
      // Somebody may have removed the directory since it was last seen.
      this.#directories.forget(directory);
      if (!wasKnown) throw await inTheWayOf(connection, directory, error);
      await this.#directories.prepare(connection, directory);
      await connection.prepare(() => Promise.resolve());
      await upload(connection, temporary, content);
    }
  }

  /** Gives the file its name. A server that does not rename over a file gets the old one out of the way first. */
  async #publish(
    connection: FtpConnection,
    temporary: string,
    {
      name,
      file,
      mayReplace,
    }: { readonly name: string; readonly file: string; readonly mayReplace: boolean },
  ): Promise<void> {
    try {
      await rename(connection, temporary, file);
    } catch (error) {
      if (!(error instanceof FTPError) || error.code < 500) throw error;
      if ((await factsOf(connection, file)) === undefined) throw error;
      // Somebody has come with it since it was looked for.
      if (!mayReplace) throw alreadyThere(name);
      this.#replacesByRename = false;
      const aside = asideBeside(file);
      await connection.undisturbed(async () => {
        await rename(connection, file, aside);
        try {
          await rename(connection, temporary, file);
        } catch (failure) {
          await rename(connection, aside, file);
          throw failure;
        }
        await this.#discard(connection, aside);
      });
    }
  }

  /** Removes a temporary, now or later. */
  async #discard(connection: FtpConnection, temporary: string): Promise<void> {
    this.#leftovers.add(temporary);
    if (connection.unusable) return;
    try {
      await connection.send(`DELE ${temporary}`);
      this.#leftovers.delete(temporary);
    } catch (error) {
      // When it was never made it is gone as well; of a broken connection the call itself tells.
      if (error instanceof FTPError && error.code >= 500) this.#leftovers.delete(temporary);
    }
  }

  async #sweep(connection: FtpConnection): Promise<void> {
    const old = this.#times.takeOld(this.#settings.clock.now());
    for (const temporary of [...this.#leftovers, ...old]) {
      this.#leftovers.delete(temporary);
      await this.#discard(connection, temporary);
    }
  }

  /** A connection for a call that goes on after its promise is fulfilled; an abort closes it. */
  async #borrow(
    action: string,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly connection: FtpConnection; readonly release: () => void }> {
    let connection: FtpConnection;
    try {
      connection = await this.#pool.acquire({ signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw translateError(error, action);
    }
    const stop = (): void => connection.close();
    signal?.addEventListener('abort', stop, { once: true });
    const release = (): void => {
      signal?.removeEventListener('abort', stop);
      this.#pool.release(connection);
    };
    return { connection, release };
  }

  /** Reads a part of which the place is known without a look at the object. `undefined` when it is not, or when that failed: then it takes a look to say why. */
  async #receive(name: string, { signal, range }: GetOptions): Promise<Uint8Array | undefined> {
    signal?.throwIfAborted();
    checkName(name);
    const { offset = -1, length = 0 } = range ?? {};
    if (!isPlace(offset, length)) return undefined;
    const { connection, release } = await this.#borrow(`read "${name}"`, signal);
    const reception = new Reception(length);
    try {
      const file = this.#fileOf(connection, name);
      const { over } = await receive(connection, file, { offset, reception });
      // What is left to be said on the connection need not be waited for.
      void over.finally(release);
    } catch {
      connection.abandon();
      release();
      signal?.throwIfAborted();
      return undefined;
    }
    return reception.bytes;
  }

  async #open(
    name: string,
    { signal, range }: GetOptions,
  ): Promise<{
    /** Nothing for an empty range. */
    readonly download: Download | undefined;
    readonly length: number;
    readonly close: () => Promise<void>;
  }> {
    signal?.throwIfAborted();
    checkName(name);
    const action = `read "${name}"`;
    const { connection, release } = await this.#borrow(action, signal);
    try {
      const file = this.#fileOf(connection, name);
      const size = await connection.prepare(async () => {
        const found = await sizeOf(connection, file);
        if (found === undefined) throw await this.#notFound(connection, name, file);
        return found;
      });
      const { offset, length } = resolveRange(name, size, range);
      const download =
        length === 0 ? undefined : await Download.begin(connection, file, { name, offset, length });
      if (download === undefined) connection.abandon();
      signal?.throwIfAborted();
      const close = async (): Promise<void> => {
        try {
          await download?.close();
        } finally {
          release();
        }
      };
      return { download, length, close };
    } catch (error) {
      connection.abandon();
      release();
      signal?.throwIfAborted();
      throw translateError(error, action);
    }
  }

  async #listed(
    base: string,
    prefix: string,
    options: CallOptions,
  ): Promise<readonly DirectoryEntry[]> {
    try {
      return await this.#pool.use(options, async (connection) => {
        const directory = path.posix.join(this.#rootOf(connection), base, '.');
        let entries = await list(connection, directory);
        if (entries === undefined && !(await this.#isMissing(connection, directory))) {
          // Somebody may have made it in between; a server that refuses it will do so again.
          entries = await list(connection, directory);
          if (entries === undefined) throw unlistable(directory);
        }
        for (const { name, modified } of entries ?? []) {
          if (isUnfinished(name)) this.#times.note(path.posix.join(directory, name), modified);
          else this.#times.see(modified);
        }
        return entries ?? [];
      });
    } catch (error) {
      throw translateError(error, `list "${prefix}"`);
    }
  }

  /** Whether a directory that the server has refused to list is not there, or is no directory. */
  async #isMissing(connection: FtpConnection, directory: string): Promise<boolean> {
    const kind = await kindOf(connection, directory);
    if (kind !== 'file') return kind === 'missing';
    if (directory !== this.#rootOf(connection)) return true;
    throw new AppError(
      'storage/access-denied',
      `"${directory}" on the server is a file, and no directory`,
      {
        hint: 'Choose another path',
      },
    );
  }

  /** The error for an object that the server does not show. */
  async #notFound(connection: FtpConnection, name: string, file: string): Promise<AppError> {
    if ((await kindOf(connection, file)) !== 'file')
      return new AppError('storage/not-found', `No object "${name}" in "${this.location}"`);
    return new AppError('storage/access-denied', `The server does not let us see "${name}"`, {
      hint: 'Look at the owner and the mode of the file on the server',
    });
  }
}

/** Whether a range says where it is without the size of the object, and is not too long to be believed. */
function isPlace(offset: number, length: number): boolean {
  return (
    Number.isSafeInteger(offset + length) && offset >= 0 && length > 0 && length <= largestReception
  );
}

/** FTP ends a line of its own at these. */
function checkName(name: string): void {
  checkObjectName(name);
  if (!/[\r\n]/u.test(name) && !name.split('/').some(isReserved)) return;
  throw new AppError(
    'input/invalid',
    `Cannot use ${JSON.stringify(name)} as an object name: FTP cannot send it, or it is reserved for unfinished files`,
  );
}

function alreadyThere(name: string): AppError {
  return new AppError('storage/already-exists', `Cannot store "${name}": it is already there`);
}

async function rename(connection: FtpConnection, from: string, to: string): Promise<void> {
  await connection.send(`RNFR ${from}`);
  await connection.send(`RNTO ${to}`);
}
