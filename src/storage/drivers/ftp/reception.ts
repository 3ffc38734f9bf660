import type { OnReadOpts, Socket } from 'node:net';

import { watchOfCall } from '../../call-watch.ts';
import { ConnectionFailure } from './translate-error.ts';

/** What comes behind the end goes here. */
const beyond = new Uint8Array(4096);

/** The bytes of one download of which the length is known before: the system writes them right into the array they are wanted in. */
export class Reception {
  /** Left alone once `complete` is fulfilled: whoever gets them may free them. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #length: number;
  readonly #watch = watchOfCall();
  #seen = 0;
  readonly #complete = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<void>();

  constructor(length: number) {
    this.#length = length;
    this.bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
    // Of a download that is given up nobody asks.
    this.#complete.promise.catch(() => undefined);
  }

  /** Resolves when `bytes` is full; rejects with a `ConnectionFailure` when it cannot become so any more. */
  get complete(): Promise<void> {
    return this.#complete.promise;
  }

  /** Resolves when nothing more comes, or more than was wanted. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** How a plain connection is opened so that it reads to here. */
  get onread(): OnReadOpts {
    return {
      buffer: () => (this.#seen < this.#length ? this.bytes.subarray(this.#seen) : beyond),
      callback: (count) => this.#count(count),
    };
  }

  /** Notices the end of the connection. One that was not opened with `onread` has its pieces copied. */
  watch(socket: Socket, isDirect: boolean): void {
    if (!isDirect) {
      socket.on('data', (piece: Buffer) => {
        const wanted = piece.subarray(0, Math.max(0, this.#length - this.#seen));
        if (wanted.length > 0) this.bytes.set(wanted, this.#seen);
        this.#count(piece.length);
      });
    }
    const ended = (): void => {
      if (this.#seen < this.#length) {
        const early = new Error(`The download ended after ${this.#seen} bytes`);
        this.#complete.reject(new ConnectionFailure(early));
      }
      this.#over.resolve();
    };
    socket.once('end', ended);
    socket.once('close', ended);
    if (socket.readableEnded || socket.destroyed) ended();
  }

  #count(count: number): boolean {
    this.#seen += count;
    this.#watch.moved();
    if (this.#seen >= this.#length) this.#complete.resolve();
    if (this.#seen > this.#length) this.#over.resolve();
    return this.#seen <= this.#length;
  }
}
