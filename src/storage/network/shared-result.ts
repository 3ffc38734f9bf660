import type { CallOptions } from '../../base/call-options.ts';
import { untilAborted } from '../../base/until-aborted.ts';

/**
 * What many calls need and one of them fetches: a token, the number of a bucket. A failure is not kept. A caller that is aborted stops
 * waiting, and later ones begin anew; the fetching goes on for those who wait, so it takes no signal.
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
    try {
      return await untilAborted(pending, signal);
    } catch (error) {
      // It may hang, and nobody else shall hang with it.
      if (signal?.aborted === true) this.#drop(pending);
      throw error;
    }
  }

  /** The result is no good any more: the next call fetches. With `known`, only if the result is still that one. */
  async forget(known: Result): Promise<void> {
    const pending = this.#pending;
    if (pending === undefined) return;
    const current = await pending.catch(() => undefined);
    if (current === known) this.#drop(pending);
  }

  #begin(): Promise<Result> {
    const pending = this.#fetch();
    pending.catch(() => this.#drop(pending));
    return pending;
  }

  #drop(pending: Promise<Result>): void {
    if (this.#pending === pending) this.#pending = undefined;
  }
}

/** Work that many calls need and that is done once for each key: whoever comes while it runs waits for it, whoever comes later goes on at once. */
export class SharedWork {
  readonly #begun = new Map<string, SharedResult<void>>();

  /** Resolves when the work called `key` has been done. After a failure, and when a waiting call is aborted, the next call begins anew. */
  async do(key: string, work: () => Promise<void>, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const begun = this.#begun.get(key) ?? new SharedResult(work);
    this.#begun.set(key, begun);
    try {
      await begun.get({ signal });
    } catch (error) {
      if (this.#begun.get(key) === begun) this.#begun.delete(key);
      throw error;
    }
  }

  /** Forgets finished work whose key is wanted by `matches`. */
  forget(matches: (key: string) => boolean): void {
    for (const key of this.#begun.keys()) if (matches(key)) this.#begun.delete(key);
  }
}
