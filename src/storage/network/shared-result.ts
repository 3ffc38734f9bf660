import type { CallOptions } from '../../base/call-options.ts';

/**
 * What many calls need and one of them fetches: a token, the number of a bucket. A failure is not kept. A caller that is aborted stops
 * waiting; the fetching goes on for the others, so it takes no signal.
 */
export class SharedResult<Result> {
  readonly #fetch: () => Promise<Result>;
  #pending: Promise<Result> | undefined;

  constructor(fetch: () => Promise<Result>) {
    this.#fetch = fetch;
  }

  /** The result, fetched if there is none. */
  async get({ signal }: CallOptions = {}): Promise<Result> {
    signal?.throwIfAborted();
    const pending = (this.#pending ??= this.#begin());
    if (signal === undefined) return await pending;
    const stopped = Promise.withResolvers<never>();
    const stop = (): void => stopped.reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await Promise.race([pending, stopped.promise]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** The result is no good any more: the next call fetches. With `known`, only if the result is still that one. */
  async forget(known: Result): Promise<void> {
    const pending = this.#pending;
    if (pending === undefined) return;
    const current = await pending.catch(() => undefined);
    if (current === known && this.#pending === pending) this.#pending = undefined;
  }

  #begin(): Promise<Result> {
    const pending = this.#fetch();
    pending.catch(() => {
      if (this.#pending === pending) this.#pending = undefined;
    });
    return pending;
  }
}
