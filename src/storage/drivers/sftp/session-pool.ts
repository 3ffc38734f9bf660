import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError, messageOf } from '../../../base/errors.ts';
import { type Connector, connectTime } from './connection-settings.ts';
import type { SftpSession } from './session.ts';

export interface SessionPoolSettings {
  /** At most so many connections. */
  readonly most: number;
  readonly clock: Clock;
  readonly warn: (problem: AppError) => void;
}

/** What a session is used for: connections are opened for objects that are stored or fetched, not for questions. */
export type Use = 'question' | 'fetch' | 'store';

/** The right to use a session until it is disposed of; others may use it at the same time. */
export interface Lease extends Disposable {
  readonly session: SftpSession;
}

interface Pooled {
  readonly session: SftpSession;
  calls: number;
  transfers: number;
  /** What is being stored over it. */
  bytes: number;
}

/** What is known of a call that needs a session. */
export interface AcquireOptions extends CallOptions {
  /** How much will be stored over it. */
  readonly bytes?: number;
}

/** A connection for every so many transfers. */
const busy = 2;

/** Whoever stores one object stores more soon, and it takes many round trips to be let in: so many connections are opened for the first one. */
const forStoring = 2;

/**
 * Two connections keep two ends busy that are close to each other, and each costs as much as the transfer of some megabytes. Over a long line only 2 MiB of a
 * connection are on the way, so another one pays for every so many milliseconds of a round trip.
 */
const roundTripOfOne = 4;

/** Milliseconds that the end of the storage waits for the removal of unfinished files. */
const patience = 3000;

/** Connections to one server, opened when they are needed, replaced when they break, closed at the end. */
export class SessionPool implements AsyncDisposable {
  readonly #connector: Connector;
  readonly #settings: SessionPoolSettings;
  readonly #closing = new AbortController();
  #pooled: Pooled[] = [];
  readonly #connecting = new Set<Promise<void>>();
  /** The server did not let another connection in: what is there has to do, until one breaks. */
  #isFull = false;

  constructor(connector: Connector, settings: SessionPoolSettings) {
    this.#connector = connector;
    this.#settings = settings;
  }

  /** The session with the least to do. Rejects when there is none and none can be opened. */
  async acquire(use: Use, { signal, bytes = 0 }: AcquireOptions = {}): Promise<Lease> {
    for (;;) {
      signal?.throwIfAborted();
      this.#closing.signal.throwIfAborted();
      this.#forgetLost();
      const best = this.#best();
      if (best !== undefined) {
        const lease = leaseOf(best, use, bytes);
        if (use !== 'question') this.#grow(use);
        return lease;
      }
      const [connecting = this.#connect()] = this.#connecting;
      await waiting(connecting, signal);
    }
  }

  /** Opens what the first object that is stored would open, since some will be. */
  expectStoring(): void {
    this.#grow('store');
  }

  /** Opens all that are worth it over this line: what is fetched first would otherwise all come over those that are there. */
  expectFetching(): void {
    this.#growTo(this.#useful());
  }

  /** Waits for what goes on in the background. */
  async settled(): Promise<void> {
    await Promise.all(this.#pooled.map(({ session }) => session.settled()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new AppError('storage/unavailable', 'The storage was closed'));
    await Promise.allSettled(this.#connecting); // who waited for them was told
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
      if (pooled.session.isUsable && (best === undefined || hasLess(pooled, best))) best = pooled;
    }
    return best;
  }

  #forgetLost(): void {
    if (!this.#pooled.some(({ session }) => session.isLost)) return;
    this.#pooled = this.#pooled.filter(({ session }) => !session.isLost);
    this.#isFull = false;
  }

  /** Opens what is missing at once: one after the other, the last would come when there is nothing left to do. */
  #grow(use: Use): void {
    const transfers = this.#pooled.reduce((sum, pooled) => sum + pooled.transfers, 0);
    const least = use === 'store' ? forStoring : 1;
    this.#growTo(Math.min(this.#useful(), Math.max(least, Math.ceil(transfers / busy))));
  }

  #growTo(wanted: number): void {
    while (!this.#isFull && this.#pooled.length + this.#connecting.size < wanted)
      this.#connectAnother();
  }

  #useful(): number {
    const roundTrips = this.#pooled.map(({ session }) => session.roundTrip ?? Infinity);
    const byLine = Math.ceil(Math.min(...roundTrips) / roundTripOfOne);
    return Math.min(this.#settings.most, Math.max(forStoring, byLine));
  }

  #connectAnother(): void {
    const { warn } = this.#settings;
    this.#connect().catch(async (error: unknown) => {
      if (this.#isFull) return;
      this.#isFull = true;
      await Promise.allSettled(this.#connecting); // others may have been let in
      this.#forgetLost();
      // Without any, whoever needs one asks for it and is told.
      if (this.#closing.signal.aborted || this.#pooled.length === 0) return;
      warn(noOther(this.#pooled.length, error));
    });
  }

  /** Whoever waits may give up; the connection is for everybody. */
  #connect(): Promise<void> {
    const connecting = this.#open().finally(() => this.#connecting.delete(connecting));
    this.#connecting.add(connecting);
    return connecting;
  }

  async #open(): Promise<void> {
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
      else this.#pooled.push({ session, calls: 0, transfers: 0, bytes: 0 });
    } finally {
      over.abort();
    }
  }
}

/** Why the connections that are there have to do: most often the server takes no more, but it may also be another one. */
function noOther(count: number, cause: unknown): AppError {
  if (cause instanceof AppError && cause.code !== 'storage/unavailable') {
    return new AppError(cause.code, `Cannot open another connection: ${messageOf(cause)}`, {
      cause,
      hint: `The work goes on with ${count === 1 ? 'the one that is' : `the ${count} that are`} there${cause.hint === undefined ? '' : `. ${cause.hint}`}`,
    });
  }
  return new AppError(
    'storage/unavailable',
    `The server takes no more than ${count === 1 ? 'one connection' : `${count} connections`}`,
    { cause, hint: 'The work goes on with these; look at "MaxStartups" on the server' },
  );
}

/** Over a long line it is the bytes that take their time. */
function hasLess(one: Pooled, other: Pooled): boolean {
  return one.bytes < other.bytes || (one.bytes === other.bytes && one.calls < other.calls);
}

function leaseOf(pooled: Pooled, use: Use, bytes: number): Lease {
  const transfers = use === 'question' ? 0 : 1;
  let isHeld = true;
  pooled.calls++;
  pooled.transfers += transfers;
  pooled.bytes += bytes;
  return {
    session: pooled.session,
    [Symbol.dispose]() {
      if (!isHeld) return;
      isHeld = false;
      pooled.calls--;
      pooled.transfers -= transfers;
      pooled.bytes -= bytes;
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
