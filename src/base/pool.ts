import type { CallOptions } from './call-options.ts';

/** What is done to each item. Its signal also aborts when another item has failed. */
export type PoolWork<Item, Result> = (
  item: Item,
  options: { readonly signal: AbortSignal },
) => Promise<Result>;

/**
 * The results of `work` in the order of the items, with at most `limit` of them under way or waiting to be taken. After a failure, an
 * abort, or when the loop is left, nothing new begins, what runs is aborted and waited for, and then the first failure is thrown.
 */
export async function* mapPool<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  limit: number,
  work: PoolWork<Item, Result>,
  { signal }: CallOptions = {},
): AsyncGenerator<Result, void, undefined> {
  signal?.throwIfAborted();
  const stop = new AbortController();
  const inner = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const running: Promise<Result>[] = [];
  try {
    for await (const item of items) {
      signal?.throwIfAborted();
      const result = work(item, { signal: inner });
      // The first failure stops the others at once, however far back in the order it is.
      result.catch((error: unknown) => stop.abort(error));
      running.push(result);
      if (running.length >= limit) yield await firstOf(running);
      stop.signal.throwIfAborted();
    }
    while (running.length > 0) yield await firstOf(running);
  } catch (error) {
    // An item that was stopped because of another one rejects with that other one's error.
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    stop.abort(new DOMException('The pool was left', 'AbortError'));
    await Promise.allSettled(running);
  }
}

/** Does `work` to every item, at most `limit` at once, in no particular order; stops and rejects like `mapPool`. */
export async function eachPool<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  limit: number,
  work: PoolWork<Item, void>,
  { signal }: CallOptions = {},
): Promise<void> {
  signal?.throwIfAborted();
  const stop = new AbortController();
  const inner = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const running = new Set<Promise<void>>();
  try {
    for await (const item of items) {
      inner.throwIfAborted();
      const done = work(item, { signal: inner })
        .catch((error: unknown) => stop.abort(error))
        .finally(() => running.delete(done));
      running.add(done);
      if (running.size >= limit) await Promise.race(running);
      inner.throwIfAborted();
    }
  } catch (error) {
    if (!stop.signal.aborted) stop.abort(error);
  }
  await Promise.all(running);
  stop.signal.throwIfAborted();
}

async function firstOf<Result>(running: Promise<Result>[]): Promise<Result> {
  const [first] = running;
  if (first === undefined) throw new RangeError('Nothing is running');
  try {
    return await first;
  } finally {
    void running.shift();
  }
}
