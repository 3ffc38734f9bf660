import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import { sizeOfBody } from '../body.ts';
import { streamOf } from '../byte-stream.ts';
import type { GetOptions, Storage } from '../storage.ts';
import { forward } from './forward.ts';

/** Bytes a second below which a transfer in one piece counts as stalled. */
const slowest = 16 * 1024;

/** What is assumed of the size of an object that is read whole. */
const largestRead = 16 * 1024 ** 2;

/** Why a guard ends: the call was in time. One for all, since making an exception for each call costs more than the rest of it. */
const inTime = new Error('The call is over');

/**
 * Gives up on calls that no longer get anywhere, with `storage/unavailable`, so that a server that hangs is treated like one that is
 * gone. Each step may take `limit` milliseconds: an answer, a piece of a stream, an entry of a listing; what is sent or fetched in one
 * piece may take longer in proportion to its size.
 */
export function timeLimiting(inner: Storage, limit: number, clock: Clock): Storage {
  async function within<Result>(
    what: string,
    { signal }: CallOptions,
    bytes: number,
    call: (options: { readonly signal: AbortSignal }) => Promise<Result>,
  ): Promise<Result> {
    using watch = new Watchdog(what, limit + (bytes / slowest) * 1000, clock, signal);
    return await watch.step(() => call({ signal: watch.signal }));
  }

  async function get(name: string, options: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const watch = new Watchdog(`read "${name}"`, limit, clock, options.signal);
    try {
      const stream = await watch.step(() => inner.get(name, { ...options, signal: watch.signal }));
      const reader = stream.getReader();
      return streamOf(
        {
          next: async () => (await watch.step(() => reader.read())).value,
          async close(reason) {
            watch[Symbol.dispose]();
            // What has failed already is on its way to the reader.
            await reader.cancel(reason).catch(() => undefined);
          },
        },
        { signal: options.signal },
      );
    } catch (error) {
      watch[Symbol.dispose]();
      throw error;
    }
  }

  return {
    ...forward(inner),
    get,
    put: (name, body, options = {}) =>
      within(`store "${name}"`, options, sizeOfBody(body), ({ signal }) =>
        inner.put(name, body, { ...options, signal }),
      ),
    read: (name, options = {}) =>
      within(`read "${name}"`, options, options.range?.length ?? largestRead, ({ signal }) =>
        inner.read(name, { ...options, signal }),
      ),
    stat: (name, options = {}) =>
      within(`look at "${name}"`, options, 0, (limited) => inner.stat(name, limited)),
    delete: (name, options = {}) =>
      within(`delete "${name}"`, options, 0, (limited) => inner.delete(name, limited)),
    async *list(prefix, options = {}) {
      using watch = new Watchdog(`list "${prefix}"`, limit, clock, options.signal);
      const objects = inner.list(prefix, { signal: watch.signal })[Symbol.asyncIterator]();
      try {
        for (;;) {
          const { done, value } = await watch.step(() => objects.next());
          if (done === true) return;
          yield value;
        }
      } finally {
        await objects.return?.();
      }
    },
  };
}

/** Aborts its signal when a step takes too long; the time between steps belongs to the caller and does not count. */
class Watchdog implements Disposable {
  readonly #controller = new AbortController();
  readonly #over = new AbortController();
  readonly #clock: Clock;
  readonly #outer: AbortSignal | undefined;
  readonly #pass: () => void;
  #since: number | undefined;

  constructor(what: string, limit: number, clock: Clock, outer: AbortSignal | undefined) {
    outer?.throwIfAborted();
    this.#clock = clock;
    this.#outer = outer;
    this.#pass = () => this.#controller.abort(outer?.reason);
    outer?.addEventListener('abort', this.#pass, { once: true });
    // Whoever waits is told by the signal.
    this.#guard(what, limit).catch(() => undefined);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async step<Result>(call: () => Promise<Result>): Promise<Result> {
    this.#since = this.#clock.monotonic();
    try {
      return await call();
    } finally {
      this.#since = undefined;
    }
  }

  [Symbol.dispose](): void {
    this.#over.abort(inTime);
    this.#outer?.removeEventListener('abort', this.#pass);
  }

  async #guard(what: string, limit: number): Promise<void> {
    for (;;) {
      const spent = this.#since === undefined ? 0 : this.#clock.monotonic() - this.#since;
      if (spent >= limit) {
        this.#controller.abort(stalled(what, limit));
        return;
      }
      await this.#clock.sleep(limit - spent, { signal: this.#over.signal });
    }
  }
}

function stalled(what: string, limit: number): AppError {
  return new AppError(
    'storage/unavailable',
    `Cannot ${what}: nothing has happened for ${Math.round(limit / 1000)} s`,
    { hint: 'If the connection is that slow, raise the option "timeout"' },
  );
}
