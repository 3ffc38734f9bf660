import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError } from '../../../base/errors.ts';
import { type Connector, connectTime } from './connection-settings.ts';
import type { SftpSession } from './session.ts';

export interface SessionPoolSettings {
  /** At most so many connections. */
  readonly most: number;
  readonly clock: Clock;
  readonly warn: (problem: AppError) => void;
}

/** The right to use a session until it is disposed of; others may use it at the same time. */
export interface Lease extends Disposable {
  readonly session: SftpSession;
}

interface Pooled {
  readonly session: SftpSession;
  calls: number;
}

/** With so many calls under way on each connection, another one is opened. */
const busy = 2;

/** Milliseconds that the end of the storage waits for the removal of unfinished files. */
const patience = 3000;

/** Connections to one server, opened when they are needed, replaced when they break, closed at the end. */
export class SessionPool implements AsyncDisposable {
  readonly #connector: Connector;
  readonly #settings: SessionPoolSettings;
  readonly #closing = new AbortController();
  #pooled: Pooled[] = [];
  #connecting: Promise<void> | undefined;
  /** The server did not let another connection in: what is there has to do, until one breaks. */
  #isFull = false;

  constructor(connector: Connector, settings: SessionPoolSettings) {
    this.#connector = connector;
    this.#settings = settings;
  }

  /** The session with the least to do. Rejects when there is none and none can be opened. */
  async acquire({ signal }: CallOptions = {}): Promise<Lease> {
    for (;;) {
      signal?.throwIfAborted();
      this.#closing.signal.throwIfAborted();
      this.#forgetLost();
      const best = this.#best();
      if (best !== undefined) {
        if (best.calls >= busy) this.#grow();
        return leaseOf(best);
      }
      await waiting((this.#connecting ??= this.#connect()), signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new AppError('storage/unavailable', 'The storage was closed'));
    await this.#connecting?.catch(() => undefined); // who waited for it was told
    const pooled = this.#pooled;
    this.#pooled = [];
    const enough = new AbortController();
    const late = this.#settings.clock
      .sleep(patience, { signal: enough.signal })
      .catch(() => undefined);
    await Promise.all(
      pooled.map(async ({ session }) => {
        await Promise.race([session.settled(), late]);
        await session[Symbol.asyncDispose]();
      }),
    );
    enough.abort();
  }

  #best(): Pooled | undefined {
    let best: Pooled | undefined;
    for (const pooled of this.#pooled) {
      if (pooled.session.isUsable && pooled.calls < (best?.calls ?? Infinity)) best = pooled;
    }
    return best;
  }

  #forgetLost(): void {
    if (!this.#pooled.some(({ session }) => session.isLost)) return;
    this.#pooled = this.#pooled.filter(({ session }) => !session.isLost);
    this.#isFull = false;
  }

  #grow(): void {
    const { most, warn } = this.#settings;
    if (this.#isFull || this.#connecting !== undefined || this.#pooled.length >= most) return;
    this.#connecting = this.#connect();
    this.#connecting.catch((error: unknown) => {
      this.#isFull = true;
      if (this.#closing.signal.aborted) return;
      warn(
        new AppError(
          'storage/unavailable',
          `The server takes no more than ${this.#pooled.length} connections`,
          {
            cause: error,
            hint: 'The work goes on with these; look at "MaxStartups" on the server',
          },
        ),
      );
    });
  }

  /** Whoever waits may give up; the connection is for everybody. */
  async #connect(): Promise<void> {
    const inTime = new AbortController();
    const { clock } = this.#settings;
    const signal = AbortSignal.any([this.#closing.signal, inTime.signal]);
    const over = new AbortController();
    clock.sleep(connectTime, { signal: over.signal }).then(
      () =>
        inTime.abort(new AppError('storage/unavailable', 'The server takes too long to let us in')),
      () => undefined,
    );
    try {
      const session = await this.#connector.connect({ signal });
      if (this.#closing.signal.aborted) await session[Symbol.asyncDispose]();
      else this.#pooled.push({ session, calls: 0 });
    } finally {
      over.abort();
      this.#connecting = undefined;
    }
  }
}

function leaseOf(pooled: Pooled): Lease {
  let isHeld = true;
  pooled.calls++;
  return {
    session: pooled.session,
    [Symbol.dispose]() {
      if (isHeld) pooled.calls--;
      isHeld = false;
    },
  };
}

/** The promise, unless the signal aborts before. */
async function waiting(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return promise;
  const aborted = Promise.withResolvers<never>();
  const stop = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
    promise.catch(() => undefined);
  }
}
