import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import type { FtpConnection } from './connection.ts';
import { isCrowded } from './translate-error.ts';

/** A connection that nobody used for so many milliseconds is tried before it is used: a firewall may have forgotten it. */
const doubtfulAfter = 15_000;

/** Milliseconds that a connection has to show that it is still alive. */
const signOfLife = 5000;

/** After so many milliseconds a server that was full is asked for more connections again. */
const crowdedFor = 60_000;

/**
 * Connections to one server, opened when they are needed and used one call at a time. A server that takes no more gets no more: calls
 * then wait for the connections that there are.
 */
export class ConnectionPool implements AsyncDisposable {
  readonly #open: (options: CallOptions) => Promise<FtpConnection>;
  readonly #most: number;
  readonly #clock: Clock;
  readonly #idle: FtpConnection[] = [];
  readonly #waiting: (() => void)[] = [];
  #count = 0;
  #limit: number;
  #crowdedUntil = 0;
  #disposed = false;

  constructor(
    open: (options: CallOptions) => Promise<FtpConnection>,
    { most, clock }: { readonly most: number; readonly clock: Clock },
  ) {
    this.#open = open;
    this.#most = most;
    this.#limit = most;
    this.#clock = clock;
  }

  /** Lends a connection to `work`; an abort closes it, so that whatever waits for the server ends. */
  async use<Result>(
    { signal }: CallOptions,
    work: (connection: FtpConnection) => Promise<Result>,
  ): Promise<Result> {
    const connection = await this.acquire({ signal });
    const stop = (): void => connection.interrupt();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      signal?.throwIfAborted();
      return await work(connection);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
      this.release(connection);
    }
  }

  async acquire({ signal }: CallOptions): Promise<FtpConnection> {
    for (;;) {
      signal?.throwIfAborted();
      const idle = this.#idle.pop();
      if (idle !== undefined) {
        if (await this.#isAlive(idle, { signal })) return idle;
        this.#drop(idle);
        continue;
      }
      if (this.#clock.monotonic() >= this.#crowdedUntil) this.#limit = this.#most;
      if (this.#count >= this.#limit) await this.#turn({ signal });
      else {
        const opened = await this.#grow({ signal });
        if (opened !== undefined) return opened;
      }
    }
  }

  /** Takes a connection back; one that cannot be used any more is closed and makes room. */
  release(connection: FtpConnection): void {
    if (connection.unusable || this.#disposed) this.#drop(connection);
    else {
      connection.idleSince = this.#clock.monotonic();
      this.#idle.push(connection);
      this.#wake();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    for (const connection of this.#idle.splice(0)) this.#drop(connection);
  }

  /** One more connection; `undefined` when the server has enough of us and there are others to wait for. */
  async #grow(options: CallOptions): Promise<FtpConnection | undefined> {
    this.#count++;
    try {
      return await this.#open(options);
    } catch (error) {
      this.#count--;
      if (isCrowded(error) && this.#count > 0) {
        this.#limit = this.#count;
        this.#crowdedUntil = this.#clock.monotonic() + crowdedFor;
        return undefined;
      }
      this.#wake();
      throw error;
    }
  }

  #drop(connection: FtpConnection): void {
    connection.close();
    this.#count--;
    this.#wake();
  }

  #wake(): void {
    this.#waiting.shift()?.();
  }

  #turn({ signal }: CallOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        signal?.removeEventListener('abort', stop);
        resolve();
      };
      const stop = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(signal?.reason);
      };
      this.#waiting.push(go);
      signal?.addEventListener('abort', stop, { once: true });
    });
  }

  async #isAlive(connection: FtpConnection, { signal }: CallOptions): Promise<boolean> {
    if (connection.unusable) return false;
    if (this.#clock.monotonic() - connection.idleSince < doubtfulAfter) return true;
    const over = new AbortController();
    const stop = (): void => connection.close();
    signal?.addEventListener('abort', stop, { once: true });
    this.#clock.sleep(signOfLife, { signal: over.signal }).then(stop, () => undefined);
    try {
      await connection.send('NOOP');
      return true;
    } catch {
      // Whatever it is, another connection will show it.
      return false;
    } finally {
      over.abort();
      signal?.removeEventListener('abort', stop);
    }
  }
}
