import type { Socket } from 'node:net';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { type Body, piecesOf, smallPieces } from '../../body.ts';
import type { ByteProducer } from '../../byte-stream.ts';
import { watchOfCall } from '../../call-watch.ts';
import type { FtpConnection, Transfer } from './connection.ts';
import type { Reception } from './reception.ts';
import { ConnectionFailure } from './translate-error.ts';

/** The largest listing of one directory that is taken, in bytes. */
const largestListing = 512 * 1024 ** 2;

/** Bytes that are sent at a time. */
const pieceSize = 256 * 1024;

/**
 * Sends `body` as the file `path`, over the data connection that was prepared. Whatever goes wrong, the connection can be used again or is
 * closed, and a part of the file may be there.
 */
export async function upload(
  connection: FtpConnection,
  path: string,
  { name, body, signal }: CallOptions & { readonly name: string; readonly body: Body },
): Promise<void> {
  const watch = watchOfCall();
  const transfer = await connection.begin(`STOR ${path}`);
  const sending = new Sending(transfer.socket);
  // A server that gives up closes its end late or never.
  transfer.outcome.catch(() => transfer.socket.destroy());
  try {
    await transfer.agreed;
    for await (const piece of smallPieces(piecesOf(name, body, { signal }), pieceSize)) {
      await sending.write(piece);
      watch.moved();
    }
    await sending.end();
  } catch (error) {
    const refusal = await connection.settle(transfer);
    throw error instanceof ConnectionFailure ? (refusal ?? error) : error;
  }
  await transfer.outcome;
  connection.abandon();
}

/** Writing to a data connection with an eye on its end. */
class Sending {
  readonly #socket: Socket;
  #failure: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', (error) => void (this.#failure ??= error));
  }

  async write(piece: Uint8Array): Promise<void> {
    this.#check();
    if (!this.#socket.write(piece)) await this.#until('drain');
  }

  async end(): Promise<void> {
    this.#check();
    this.#socket.end();
    if (!this.#socket.writableFinished) await this.#until('finish');
  }

  async #until(event: 'drain' | 'finish'): Promise<void> {
    await new Promise<void>((resolve) => {
      const over = (): void => {
        this.#socket.off(event, over);
        this.#socket.off('close', over);
        resolve();
      };
      this.#socket.once(event, over);
      this.#socket.once('close', over);
    });
    if (event === 'finish' && this.#socket.writableFinished) return;
    this.#check();
  }

  #check(): void {
    if (this.#failure !== undefined) throw new ConnectionFailure(this.#failure);
    if (this.#socket.destroyed) throw new ConnectionFailure(new Error('The connection was closed'));
  }
}

/** The bytes of one download; after `length` of them the rest is not waited for. */
export class Download implements ByteProducer {
  readonly #connection: FtpConnection;
  readonly #transfer: Transfer;
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #name: string;
  #left: number;
  #over = false;

  private constructor(
    connection: FtpConnection,
    transfer: Transfer,
    { name, length }: { readonly name: string; readonly length: number },
  ) {
    this.#connection = connection;
    this.#transfer = transfer;
    this.#pieces = transfer.socket[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    this.#name = name;
    this.#left = length;
    transfer.outcome.catch(() => transfer.socket.destroy());
  }

  /** Begins to fetch `path` over the data connection that was prepared. `length` must not be 0. */
  static async begin(
    connection: FtpConnection,
    path: string,
    wanted: { readonly name: string; readonly offset: number; readonly length: number },
  ): Promise<Download> {
    try {
      if (wanted.offset > 0) await connection.send(`REST ${wanted.offset}`);
      return new Download(connection, await connection.begin(`RETR ${path}`), wanted);
    } catch (error) {
      connection.abandon();
      // The server would begin the next transfer there, whichever it is.
      if (wanted.offset > 0) connection.close();
      throw error;
    }
  }

  async next(): Promise<Uint8Array | undefined> {
    if (this.#left === 0) return undefined;
    let piece: IteratorResult<Uint8Array>;
    try {
      piece = await this.#pieces.next();
      watchOfCall().moved();
    } catch (error) {
      throw (await this.#settle()) ?? new ConnectionFailure(error);
    }
    if (piece.done === true) throw await this.#brokenOff();
    const bytes = piece.value.subarray(0, this.#left);
    this.#left -= bytes.byteLength;
    return bytes;
  }

  /** Leaves the connection in order, or closed: at the end of the file by the server's last word, before it by hanging up. */
  async close(): Promise<void> {
    if (this.#over) return;
    // There may be more, or just the end: then the server has not to be told.
    if (this.#left === 0) await this.#pieces.next().catch(() => undefined);
    await this.#settle();
  }

  async #settle(): Promise<Error | undefined> {
    this.#over = true;
    return this.#connection.settle(this.#transfer);
  }

  async #brokenOff(): Promise<Error> {
    return (
      (await this.#settle()) ??
      new AppError(
        'storage/unavailable',
        `Reading "${this.#name}" ended ${this.#left} bytes too early`,
      )
    );
  }
}

/**
 * Fetches as many bytes of the file `path` from `offset` on as `reception` has room for, without a look at the file: rejects with whatever the server says, and with a
 * `ConnectionFailure` when they do not come. `over` resolves when the connection is in order again, or closed.
 */
export async function receive(
  connection: FtpConnection,
  path: string,
  { offset, reception }: { readonly offset: number; readonly reception: Reception },
): Promise<{ readonly over: Promise<unknown> }> {
  let transfer: Transfer;
  try {
    await connection.prepare(async () => {
      if (offset > 0) await connection.send(`REST ${offset}`);
    }, reception);
    transfer = await connection.begin(`RETR ${path}`);
  } catch (error) {
    // The server would begin the next transfer there, whichever it is.
    if (offset > 0) connection.close();
    throw error;
  }
  reception.watch(transfer.socket, transfer.isDirect);
  transfer.outcome.catch(() => transfer.socket.destroy());
  try {
    await reception.complete;
  } catch (error) {
    throw (await connection.settle(transfer)) ?? error;
  }
  // There may be more, or just the end: then the server has not to be told.
  return { over: reception.over.then(() => connection.settle(transfer)) };
}

/** Fetches a listing as text, whole or not at all; `said` is the server's last word on it. */
export async function fetchText(
  connection: FtpConnection,
  command: string,
): Promise<{ readonly text: string; readonly said: string }> {
  await connection.prepare(() => Promise.resolve());
  const transfer = await connection.begin(command);
  transfer.outcome.catch(() => transfer.socket.destroy());
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const piece of transfer.socket as AsyncIterable<Uint8Array>) {
      pieces.push(piece);
      size += piece.byteLength;
      if (size > largestListing) {
        throw new AppError('storage/unavailable', 'A listing of the server does not end');
      }
    }
  } catch (error) {
    const refusal = await connection.settle(transfer);
    throw refusal ?? (error instanceof AppError ? error : new ConnectionFailure(error));
  }
  const { message } = await transfer.outcome;
  connection.abandon();
  return { text: Buffer.concat(pieces).toString('utf8'), said: message };
}
