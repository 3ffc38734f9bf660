import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import { sizeOfBody } from '../body.ts';
import { streamOf } from '../byte-stream.ts';
import { type CallWatch, watched } from '../call-watch.ts';
import type { GetOptions, Storage } from '../storage.ts';
import { forward } from './forward.ts';

/** Bytes a second below which a transfer counts as stalled of which nobody can see how it gets on. */
const slowest = 16 * 1024;

/** How much of what was sent may still be on its way, in buffers of this machine and on the line. */
const mostBuffered = 4 * 1024 ** 2;

/** What is assumed of the size of an object that is read whole. */
const largestRead = 16 * 1024 ** 2;

/** Why a guard ends: the call was in time. One for all, since making an exception for each call costs more than the rest of it. */
const inTime = new Error('The call is over');

/**
 * Gives up on calls that no longer get anywhere, with `storage/unavailable`, so that a server that hangs is treated like one that is
 * gone. Each step may take `limit` milliseconds: an answer, a piece of a stream, an entry of a listing. What is sent or fetched in one
 * piece may take longer: as long as it moves, which drivers tell the watch of the call, and otherwise in proportion to its size.
 */
export function timeLimiting(inner: Storage, limit: number, clock: Clock): Storage {
  async function within<Result>(
    what: string,
    { signal }: CallOptions,
    { bytes, buffered = 0 }: { readonly bytes: number; readonly buffered?: number },
    call: (options: { readonly signal: AbortSignal }) => Promise<Result>,
  ): Promise<Result> {
    const limits = {
      silence: limit,
      all: limit + timeFor(bytes),
      moving: limit + timeFor(buffered),
    };
    using watch = new Watchdog(what, limits, clock, signal);
    return await watch.step(() => watched(watch, () => call({ signal: watch.signal })));
  }

  async function get(name: string, options: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const watch = new Watchdog(`read "${name}"`, { silence: limit }, clock, options.signal);
    try {
      const stream = await watch.step(() =>
        watched(watch, () => inner.get(name, { ...options, signal: watch.signal })),
      );
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
    put(name, body, options = {}) {
      const bytes = sizeOfBody(body);
      const sizes = { bytes, buffered: Math.min(bytes, mostBuffered) };
      return within(`store "${name}"`, options, sizes, ({ signal }) =>
        inner.put(name, body, { ...options, signal }),
      );
    },
    read: (name, options = {}) =>
      within(
        `read "${name}"`,
        options,
        { bytes: options.range?.length ?? largestRead },
        ({ signal }) => inner.read(name, { ...options, signal }),
      ),
    stat: (name, options = {}) =>
      within(`look at "${name}"`, options, { bytes: 0 }, (limited) => inner.stat(name, limited)),
    delete: (name, options = {}) =>
      within(`delete "${name}"`, options, { bytes: 0 }, (limited) => inner.delete(name, limited)),
    async *list(prefix, options = {}) {
      using watch = new Watchdog(`list "${prefix}"`, { silence: limit }, clock, options.signal);
      const objects = inner.list(prefix, { signal: watch.signal })[Symbol.asyncIterator]();
      try {
        for (;;) {
          const { done, value } = await watch.step(() => watched(watch, () => objects.next()));
          if (done === true) return;
          yield value;
        }
      } finally {
        await objects.return?.();
      }
    },
  };
}

/** Milliseconds for bytes that nobody sees moving. */
function timeFor(bytes: number): number {
  return (bytes / slowest) * 1000;
}

/** Milliseconds. */
interface Limits {
  readonly silence: number;
  /** For a step of which nothing is seen. */
  readonly all?: number;
  /** For silence after something has moved. */
  readonly moving?: number;
}

/** Aborts its signal when a step takes too long; the time between steps belongs to the caller and does not count. */
class Watchdog implements CallWatch, Disposable {
  readonly #controller = new AbortController();
  readonly #over = new AbortController();
  readonly #clock: Clock;
  readonly #outer: AbortSignal | undefined;
  readonly #pass: () => void;
  readonly silence: number;
  readonly #moving: number;
  #limit: number;
  #waiting = 0;
  #since: number | undefined;

  constructor(what: string, limits: Limits, clock: Clock, outer: AbortSignal | undefined) {
    outer?.throwIfAborted();
    this.silence = limits.silence;
    this.#moving = limits.moving ?? limits.silence;
    this.#limit = limits.all ?? limits.silence;
    this.#clock = clock;
    this.#outer = outer;
    this.#pass = () => this.#controller.abort(outer?.reason);
    outer?.addEventListener('abort', this.#pass, { once: true });
    // Whoever waits is told by the signal.
    this.#guard(what).catch(() => undefined);
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

  moved(): void {
    this.#limit = this.#moving;
    this.#begin();
  }

  async waits<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#waiting++;
    try {
      return await work();
    } finally {
      this.#waiting--;
      this.#begin();
    }
  }

  [Symbol.dispose](): void {
    this.#over.abort(inTime);
    this.#outer?.removeEventListener('abort', this.#pass);
  }

  /** The silence begins anew, if a step is under way. */
  #begin(): void {
    if (this.#since !== undefined) this.#since = this.#clock.monotonic();
  }

  async #guard(what: string): Promise<void> {
    for (;;) {
      const since = this.#waiting > 0 ? undefined : this.#since;
      const spent = since === undefined ? 0 : this.#clock.monotonic() - since;
      if (spent >= this.#limit) {
        this.#controller.abort(stalled(what, spent));
        return;
      }
      // The limit may have become the shorter one meanwhile.
      const rest = Math.min(this.#limit - spent, this.#moving);
      await this.#clock.sleep(rest, { signal: this.#over.signal });
    }
  }
}

function stalled(what: string, spent: number): AppError {
  return new AppError(
    'storage/unavailable',
    `Cannot ${what}: nothing has happened for ${Math.round(spent / 1000)} s`,
    { hint: 'If the connection is that slow, raise the option "timeout"' },
  );
}
