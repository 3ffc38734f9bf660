import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import type { ByteChannel } from './byte-channel.ts';
import { type Answer, Exchange } from './exchange.ts';
import { FlowWindow } from './flow-window.ts';
import { type FileAttributes, notSftp, openFlag, packetType, statusCode } from './packet.ts';
import { unlessStatus } from './status-error.ts';

/** What is read and written at once where the server does not say what it takes; every server takes that. */
const commonChunk = 32 * 1024;

/** More at once makes nothing faster. */
const largestChunk = 255 * 1024;

/** An open file or directory of the server. */
export type Handle = Uint8Array;

/** One name in a directory; links are not followed. The name is `undefined` when it is not UTF-8. */
export interface DirectoryEntry extends FileAttributes {
  readonly name: string | undefined;
}

/** Space on the file system of the server. */
export interface FileSystemFacts {
  /** Bytes that this user may still write. */
  readonly free: bigint;
  readonly isReadOnly: boolean;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The requests of SFTP version 3 and of OpenSSH's extensions, each sent at once. They reject with an `SftpStatusError`, or with
 * `storage/unavailable` when the connection is lost.
 */
export class SftpSession implements AsyncDisposable {
  readonly #exchange: Exchange;
  readonly #extensions: ReadonlyMap<string, string>;
  #chunk: { readonly read: number; readonly write: number } = {
    read: commonChunk,
    write: commonChunk,
  };
  /** How many bytes are read and written by one request. */
  get chunk(): { readonly read: number; readonly write: number } {
    return this.#chunk;
  }
  /** Milliseconds of a round trip; `undefined` while it is not known. */
  get roundTrip(): number | undefined {
    return this.#roundTrip;
  }
  #roundTrip: number | undefined;
  /** What is on the way in each direction. */
  readonly writing: FlowWindow;
  readonly reading: FlowWindow;
  readonly #background = new Set<Promise<unknown>>();

  private constructor(exchange: Exchange, extensions: ReadonlyMap<string, string>, clock: Clock) {
    this.writing = new FlowWindow(clock);
    this.reading = new FlowWindow(clock);
    this.#exchange = exchange;
    this.#extensions = extensions;
  }

  /** Agrees on the protocol. The channel is closed with the session, and also when this rejects. */
  static async start(
    channel: ByteChannel,
    { clock, signal }: CallOptions & { readonly clock: Clock },
  ): Promise<SftpSession> {
    const exchange = new Exchange(channel, clock);
    try {
      const extensions = await exchange.start({ signal });
      const session = new SftpSession(exchange, extensions, clock);
      // Whoever asks for something before the answer comes asks for less at once.
      if (session.has('limits')) session.later(session.#learnLimits(clock));
      return session;
    } catch (error) {
      await exchange[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Whether it can take another call. */
  get isUsable(): boolean {
    return this.#exchange.loss === undefined && !this.#exchange.isDoubted;
  }

  get isLost(): boolean {
    return this.#exchange.loss !== undefined;
  }

  /** Whether the server announces an extension of OpenSSH, by its name before the `@`. */
  has(extension: string): boolean {
    return this.#extensions.has(`${extension}@openssh.com`);
  }

  /** The result of requests, unless the signal aborts before. */
  until<Result>(work: Promise<Result>, options: CallOptions): Promise<Result> {
    return this.#exchange.until(work, options);
  }

  /**
   * The result of requests that change what others see: an abort does not take them back, so their answers are waited for all the same,
   * unless the server does not say anything any more.
   */
  finished<Result>(work: Promise<Result>, options: CallOptions): Promise<Result> {
    return this.#exchange.finished(work, options);
  }

  async open(path: string, flags: number): Promise<Handle> {
    // Permissions of a new file: for its owner alone.
    const attributes = flags & openFlag.create ? [0x4, 0o600] : [0];
    return handleOf(await this.#request(packetType.open, [path, flags, ...attributes]));
  }

  async close(handle: Handle): Promise<void> {
    await this.#request(packetType.close, [handle]);
  }

  /** Closes what was only read, once it is open. Nobody waits for it, not even the end: that closes everything. */
  closeLater(opening: Promise<Handle>): void {
    opening.then((handle) => this.close(handle)).catch(() => undefined);
  }

  /** Up to `length` bytes; `undefined` at the end of the file. */
  async read(handle: Handle, offset: number, length: number): Promise<Uint8Array | undefined> {
    const answer = await unlessStatus(
      this.#request(packetType.read, [handle, BigInt(offset), length]),
      statusCode.endOfFile,
    );
    return answer && expecting(answer, packetType.data).bytes();
  }

  async write(handle: Handle, offset: number, parts: readonly Uint8Array[]): Promise<void> {
    await this.#exchange.request(packetType.write, [handle, BigInt(offset)], parts);
  }

  async stat(path: string): Promise<FileAttributes> {
    return expecting(
      await this.#request(packetType.stat, [path]),
      packetType.attributes,
    ).attributes();
  }

  /** As `stat`, of a link itself. */
  async lstat(path: string): Promise<FileAttributes> {
    return expecting(
      await this.#request(packetType.lstat, [path]),
      packetType.attributes,
    ).attributes();
  }

  async fstat(handle: Handle): Promise<FileAttributes> {
    return expecting(
      await this.#request(packetType.fstat, [handle]),
      packetType.attributes,
    ).attributes();
  }

  async opendir(path: string): Promise<Handle> {
    return handleOf(await this.#request(packetType.opendir, [path]));
  }

  /** The next entries of a directory; `undefined` when there are no more. */
  async readdir(handle: Handle): Promise<readonly DirectoryEntry[] | undefined> {
    const answer = await unlessStatus(
      this.#request(packetType.readdir, [handle]),
      statusCode.endOfFile,
    );
    if (answer === undefined) return undefined;
    const reader = expecting(answer, packetType.name);
    const entries: DirectoryEntry[] = [];
    for (let count = reader.uint32(); count > 0; count--) {
      const name = decoded(reader.bytes());
      reader.bytes(); // the same as "ls -l" shows it, for people
      entries.push({ name, ...reader.attributes() });
    }
    return entries;
  }

  async remove(path: string): Promise<void> {
    await this.#request(packetType.remove, [path]);
  }

  async mkdir(path: string): Promise<void> {
    await this.#request(packetType.mkdir, [path, 0x4, 0o700]);
  }

  /** A server refuses to remove what is not empty (section 6.6 of the draft). */
  async rmdir(path: string): Promise<void> {
    await this.#request(packetType.rmdir, [path]);
  }

  /** The plain renaming, which replaces nothing on most servers. */
  async rename(from: string, to: string): Promise<void> {
    await this.#request(packetType.rename, [from, to]);
  }

  /** Needs `posix-rename`. */
  async replace(from: string, to: string): Promise<void> {
    await this.#request(packetType.extended, ['posix-rename@openssh.com', from, to]);
  }

  /** Needs `hardlink`. */
  async link(existing: string, name: string): Promise<void> {
    await this.#request(packetType.extended, ['hardlink@openssh.com', existing, name]);
  }

  /** Needs `fsync`. */
  async sync(handle: Handle): Promise<void> {
    await this.#request(packetType.extended, ['fsync@openssh.com', handle]);
  }

  /** Needs `statvfs`. */
  async fileSystem(path: string): Promise<FileSystemFacts> {
    const answer = await this.#request(packetType.extended, ['statvfs@openssh.com', path]);
    const reader = expecting(answer, packetType.extendedReply);
    const fields = Array.from({ length: 11 }, () => reader.uint64());
    const [, fragment = 0n, , , available = 0n] = fields;
    return { free: fragment * available, isReadOnly: ((fields[9] ?? 0n) & 1n) !== 0n };
  }

  /** Something that has to be done after a call but that nobody waits for; its failure is of no interest. */
  later(work: Promise<unknown>): void {
    const done = work.catch(() => undefined).finally(() => this.#background.delete(done));
    this.#background.add(done);
  }

  /** Waits for what goes on in the background. */
  async settled(): Promise<void> {
    while (this.#background.size > 0 && !this.isLost) await Promise.all(this.#background);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#exchange[Symbol.asyncDispose]();
  }

  async #learnLimits(clock: Clock): Promise<void> {
    const start = clock.monotonic();
    this.#chunk = (await limitsOf(this.#exchange)) ?? this.#chunk;
    this.#roundTrip = clock.monotonic() - start;
  }

  #request(type: number, fields: Parameters<Exchange['request']>[1]): Promise<Answer> {
    return this.#exchange.request(type, fields);
  }
}

/** What the server takes at once; `undefined` when it does not say. */
async function limitsOf(exchange: Exchange): Promise<SftpSession['chunk'] | undefined> {
  const answer = await unlessStatus(
    exchange.request(packetType.extended, ['limits@openssh.com']),
    statusCode.failure,
    statusCode.unsupported,
  );
  if (answer === undefined) return undefined;
  const reader = expecting(answer, packetType.extendedReply);
  reader.uint64(); // the longest packet
  const sizes = [reader.uint64(), reader.uint64()].map((size) =>
    size === 0n ? commonChunk : Math.min(Number(size), largestChunk),
  );
  return { read: sizes[0] ?? commonChunk, write: sizes[1] ?? commonChunk };
}

function handleOf(answer: Answer): Handle {
  // A copy: the packet lies in a larger piece, which would be kept with it.
  return Uint8Array.from(expecting(answer, packetType.handle).bytes());
}

function expecting({ type, reader }: Answer, wanted: number): Answer['reader'] {
  if (type === wanted) return reader;
  throw notSftp(`it answers with a packet of type ${type} where ${wanted} belongs`);
}

function decoded(name: Uint8Array): string | undefined {
  try {
    return decoder.decode(name);
  } catch {
    return undefined;
  }
}
