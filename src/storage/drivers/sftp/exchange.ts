import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError, messageOf } from '../../../base/errors.ts';
import type { ByteChannel } from './byte-channel.ts';
import {
  encodePacket,
  type Field,
  notSftp,
  PacketReader,
  packetType,
  statusCode,
} from './packet.ts';
import { PacketSplitter } from './packet-splitter.ts';
import { SftpStatusError } from './status-error.ts';

/** Milliseconds in which a server whose answers nobody waits for any more has to say something. */
const doubtTime = 5000;

/** The answer to a request, of one of the types but `status`; an answer `status` with the code "ok" has nothing to read. */
export interface Answer {
  readonly type: number;
  readonly reader: PacketReader;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** Requests over one channel and their answers, in any order and any number at once. */
export class Exchange implements AsyncDisposable {
  readonly #channel: ByteChannel;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  readonly #closing = new AbortController();
  #version: PromiseWithResolvers<Buffer> | undefined;
  #outgoing: Uint8Array[] = [];
  #next = 1;
  #loss: Error | undefined;
  #isDoubted = false;
  #heard = 0;

  constructor(channel: ByteChannel, clock: Clock) {
    this.#channel = channel;
    this.#clock = clock;
    const splitter = new PacketSplitter((packet) => this.#take(packet));
    channel.output.on('data', (piece: Buffer) => {
      this.#heard++;
      this.#isDoubted = false;
      try {
        splitter.push(piece);
      } catch (error) {
        this.#lose(brokenOff(error));
      }
    });
    channel.output.on('error', (error) => this.#lose(brokenOff(error)));
    void channel.ended.then((reason) => this.#lose(brokenOff(reason)));
  }

  /** Why nothing passes any more; `undefined` while it does. */
  get loss(): Error | undefined {
    return this.#loss;
  }

  /** Whether calls were given up here and the server has not said anything since. */
  get isDoubted(): boolean {
    return this.#isDoubted;
  }

  /** Says hello; gives the extensions that the server announces, by name. */
  async start({ signal }: CallOptions = {}): Promise<ReadonlyMap<string, string>> {
    const answer = Promise.withResolvers<Buffer>();
    this.#version = answer;
    if (this.#loss !== undefined) throw this.#loss;
    this.#send([encodePacket(packetType.init, [3])]);
    const reader = new PacketReader(await this.until(answer.promise, { signal }));
    const version = reader.uint32();
    if (version < 3)
      throw new AppError(
        'storage/access-denied',
        `The server speaks version ${version} of SFTP only, and 3 is needed`,
      );
    const extensions = new Map<string, string>();
    while (!reader.isAtEnd) extensions.set(reader.text(), reader.text());
    return extensions;
  }

  /**
   * Sends a request; `payload` is its last field. Rejects with an `SftpStatusError` for every status but "ok", and with
   * `storage/unavailable` when the connection is lost.
   */
  request(
    type: number,
    fields: readonly Field[],
    payload?: readonly Uint8Array[],
  ): Promise<Answer> {
    if (this.#loss !== undefined) return Promise.reject(this.#loss);
    const id = this.#next;
    this.#next = (id + 1) >>> 0;
    const size = payload?.reduce((sum, part) => sum + part.byteLength, 0);
    const packet = encodePacket(
      type,
      [id, ...fields],
      size === undefined ? undefined : { byteLength: size },
    );
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send(payload === undefined ? [packet] : [packet, ...payload]);
    });
  }

  /** The result of `work`, unless the signal aborts before; then what is not answered is not waited for any longer. */
  async until<Result>(work: Promise<Result>, { signal }: CallOptions): Promise<Result> {
    if (signal === undefined) return work;
    const aborted = Promise.withResolvers<never>();
    const stop = (): void => {
      this.#doubt();
      aborted.reject(signal.reason);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    try {
      return await Promise.race([work, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', stop);
      work.catch(() => undefined); // its failure after an abort is of no interest
    }
  }

  /** The result of `work`, also after an abort; then a server that says nothing for some seconds is taken for lost. */
  async finished<Result>(work: Promise<Result>, { signal }: CallOptions): Promise<Result> {
    const stop = (): void => this.#doubt();
    if (signal?.aborted === true) stop();
    else signal?.addEventListener('abort', stop, { once: true });
    try {
      return await work;
    } catch (error) {
      if (this.#loss !== undefined) signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lose(new AppError('storage/unavailable', 'The connection was closed'));
    await this.#channel[Symbol.asyncDispose]();
  }

  /** What is asked for at the same time goes out together: each sending costs more than the few bytes of most requests. */
  #send(parts: readonly Uint8Array[]): void {
    if (this.#outgoing.length === 0) process.nextTick(() => this.#flush());
    for (const part of parts) this.#outgoing.push(part);
  }

  #flush(): void {
    const parts = this.#outgoing;
    this.#outgoing = [];
    if (this.#loss === undefined) this.#channel.send(parts);
  }

  #take(packet: Buffer): void {
    const reader = new PacketReader(packet);
    const type = reader.byte();
    if (type === packetType.version && this.#version !== undefined) {
      this.#version.resolve(packet.subarray(1));
      this.#version = undefined;
      return;
    }
    const id = reader.uint32();
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) throw notSftp('it answers what nobody asked');
    this.#waiting.delete(id);
    if (type !== packetType.status) {
      waiting.resolve({ type, reader });
      return;
    }
    const status = reader.uint32();
    if (status === statusCode.ok) waiting.resolve({ type, reader });
    else waiting.reject(new SftpStatusError(status, reader.isAtEnd ? '' : reader.text()));
  }

  #lose(error: Error): void {
    if (this.#loss !== undefined) return;
    this.#loss = error;
    this.#closing.abort();
    this.#version?.reject(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    void this.#channel[Symbol.asyncDispose]();
  }

  /** A call was given up. If that was because nothing comes any more, the connection is closed: it would hang the next one, too. */
  #doubt(): void {
    if (this.#isDoubted || this.#waiting.size === 0) return;
    this.#isDoubted = true;
    const heard = this.#heard;
    const { signal } = this.#closing;
    void this.#clock.sleep(doubtTime, { signal }).then(
      () => {
        this.#isDoubted = false;
        if (this.#heard === heard && this.#waiting.size > 0)
          this.#lose(new AppError('storage/unavailable', 'The server no longer answers'));
      },
      () => undefined,
    );
  }
}

function brokenOff(reason: unknown): AppError {
  if (reason instanceof AppError) return reason;
  return new AppError(
    'storage/unavailable',
    `The connection to the server broke off: ${messageOf(reason)}`,
    { cause: reason },
  );
}
