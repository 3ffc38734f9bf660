import { Client, FTPError, type FTPResponse } from 'basic-ftp';

import type { CallOptions } from '../../../base/call-options.ts';
import {
  type DataChannel,
  type DataSocket,
  lacksExtended,
  openDataChannel,
} from './data-channel.ts';
import type { FtpServer, FtpSettings } from './ftp-settings.ts';
import { logIn } from './login.ts';
import type { Reception } from './reception.ts';
import { ConnectionFailure } from './translate-error.ts';

/** Milliseconds that a server may take to answer for a transfer that is over or was broken off. */
const patience = 5000;

/** Why waiting for the last word ends. One for all, since making an exception for each transfer costs more than the rest of it. */
const inTime = new Error('The transfer is over');

/** A transfer that the server has begun. */
export interface Transfer extends DataSocket {
  /** The server's last word; rejects with its refusal, or when the connection fails. */
  readonly outcome: Promise<FTPResponse>;
}

/** One control connection, logged in; it does one thing at a time. */
export class FtpConnection {
  readonly server: FtpServer;
  /** When it was given back, by the clock that never jumps. */
  idleSince = 0;
  readonly #client: Client;
  readonly #settings: FtpSettings;
  #channel: DataChannel | undefined;
  #unsettled = false;
  /** While steps are under way that must not be left half done: what an abort meanwhile does. */
  #whenInterrupted: (() => void) | undefined;

  private constructor(client: Client, settings: FtpSettings, server: FtpServer) {
    this.#client = client;
    this.#settings = settings;
    this.server = server;
  }

  /** Rejects with an `AppError`, with the server's own refusal if it has too many connections, or with `signal.reason`. */
  static async open(
    settings: FtpSettings,
    known: FtpServer | undefined,
    { signal }: CallOptions,
  ): Promise<FtpConnection> {
    signal?.throwIfAborted();
    // No time limits of its own: those of the storage end a call by its signal.
    const client = new Client(0);
    const aborted = Promise.withResolvers<never>();
    aborted.promise.catch(() => undefined);
    const stop = (): void => {
      client.close();
      aborted.reject(signal?.reason);
    };
    signal?.addEventListener('abort', stop, { once: true });
    try {
      const server = await Promise.race([logIn(client, settings, known), aborted.promise]);
      return new FtpConnection(client, settings, server);
    } catch (error) {
      client.close();
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Whether nothing more can be done with it: it was closed, or the server still owes an answer. */
  get unusable(): boolean {
    return this.#client.closed || this.#unsettled;
  }

  close(): void {
    this.#channel?.destroy();
    this.#client.close();
  }

  /** Ends what is under way; steps that must not be left half done have some time to come to their end. */
  interrupt(): void {
    if (this.#whenInterrupted === undefined) this.close();
    else this.#whenInterrupted();
  }

  /** Does `steps`, between which an interruption would leave the files in disorder. */
  async undisturbed(steps: () => Promise<void>): Promise<void> {
    const over = new AbortController();
    let isInterrupted = false;
    this.#whenInterrupted = () => {
      isInterrupted = true;
      this.#settings.clock.sleep(patience, { signal: over.signal }).then(
        () => this.close(),
        () => undefined,
      );
    };
    try {
      await steps();
    } finally {
      this.#whenInterrupted = undefined;
      over.abort();
      if (isInterrupted) this.close();
    }
  }

  /** Sends a command; rejects with an `FTPError` for a refusal, with a `ConnectionFailure` for anything else. */
  async send(command: string): Promise<FTPResponse> {
    try {
      return await this.#client.send(command);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** The same, with `undefined` for a refusal that is not about the connection. */
  async ask(command: string): Promise<FTPResponse | undefined> {
    try {
      return await this.send(command);
    } catch (error) {
      if (error instanceof FTPError && error.code >= 500) return undefined;
      throw error;
    }
  }

  /**
   * Opens a data connection, and does `meanwhile` on the control connection while it comes about, so that it costs no time. It must be
   * used by `begin` or given up by `abandon`. What comes over it goes to `reception` where that can be.
   */
  async prepare<Result>(meanwhile: () => Promise<Result>, reception?: Reception): Promise<Result> {
    this.#channel = await this.#open(reception);
    try {
      const result = await meanwhile();
      await this.#channel.prepared;
      return result;
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  abandon(): void {
    this.#channel?.destroy();
    this.#channel = undefined;
  }

  /** Sends the command of a transfer over the data connection that was prepared; resolves when the server begins. */
  async begin(command: string): Promise<Transfer> {
    const channel = this.#channel;
    if (channel === undefined) throw new Error('No data connection was prepared');
    const begun = Promise.withResolvers<void>();
    this.#unsettled = true;
    const outcome = this.#client.ftp
      .handle(command, (answer, task) => {
        if (answer instanceof Error) task.reject(answer);
        else if (answer.code >= 300) task.reject(new Error(`Unexpected: ${answer.message}`));
        else if (answer.code >= 200) task.resolve(answer);
        else begun.resolve();
      })
      .then(
        (answer: FTPResponse) => {
          this.#unsettled = false;
          return answer;
        },
        (error: unknown) => {
          this.#unsettled = !(error instanceof FTPError);
          throw this.#failure(error);
        },
      );
    // It may be told long before anybody asks.
    outcome.catch(() => undefined);
    try {
      await Promise.race([begun.promise, outcome]);
      const data = await Promise.race([channel.socket, outcome.then(() => channel.socket)]);
      return { ...data, outcome };
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  /**
   * Waits for the server's last word on a transfer whose data connection is gone, and gives its refusal, if it is one. A server that says
   * nothing loses the connection.
   */
  async settle({ outcome }: Transfer): Promise<FTPError | undefined> {
    this.abandon();
    const over = new AbortController();
    const late = this.#settings.clock.sleep(patience, { signal: over.signal }).then(
      () => this.close(),
      () => undefined,
    );
    try {
      await Promise.race([outcome, late]);
      return undefined;
    } catch (error) {
      return error instanceof FTPError ? error : undefined;
    } finally {
      over.abort(inTime);
    }
  }

  async #open(reception: Reception | undefined): Promise<DataChannel> {
    const { server } = this;
    const ask = async (command: string): Promise<string> => (await this.send(command)).message;
    if (server.dataConnection !== 'automatic')
      return openDataChannel(this.#client.ftp, server.dataConnection, ask, reception);
    try {
      const channel = await openDataChannel(this.#client.ftp, 'extended', ask, reception);
      server.dataConnection = 'extended';
      return channel;
    } catch (error) {
      if (!lacksExtended(error)) throw error;
      server.dataConnection = 'passive';
      return openDataChannel(this.#client.ftp, 'passive', ask, reception);
    }
  }

  /** Keeps refusals apart; after 421 the server closes the connection. */
  #failure(error: unknown): unknown {
    if (!(error instanceof FTPError)) {
      this.close();
      return new ConnectionFailure(error);
    }
    if (error.code === 421) this.close();
    return error;
  }
}
