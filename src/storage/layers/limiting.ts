import type { CallOptions } from '../../base/call-options.ts';
import { Semaphore } from '../../base/semaphore.ts';
import { tapStream } from '../byte-stream.ts';
import type { Storage } from '../storage.ts';
import { forward } from './forward.ts';

/**
 * At most `limit` calls at once. A `get` counts until its stream has been read or cancelled, so whoever holds streams must not wait for
 * other calls to end first; a listing counts only while it fetches, so other calls can be made from inside its loop.
 */
export function limiting(inner: Storage, limit: number): Storage {
  const places = new Semaphore(limit);
  async function limited<Result>(
    options: CallOptions | undefined,
    call: () => Promise<Result>,
  ): Promise<Result> {
    using _place = await places.acquire(options);
    return await call();
  }
  return {
    ...forward(inner),
    put: (name, body, options) => limited(options, () => inner.put(name, body, options)),
    read: (name, options) => limited(options, () => inner.read(name, options)),
    stat: (name, options) => limited(options, () => inner.stat(name, options)),
    delete: (name, options) => limited(options, () => inner.delete(name, options)),
    async get(name, options) {
      const place = await places.acquire(options);
      try {
        return tapStream(
          await inner.get(name, options),
          { over: () => place[Symbol.dispose]() },
          options,
        );
      } catch (error) {
        place[Symbol.dispose]();
        throw error;
      }
    },
    async *list(prefix, options) {
      const objects = inner.list(prefix, options)[Symbol.asyncIterator]();
      try {
        for (;;) {
          const { done, value } = await limited(options, () => objects.next());
          if (done === true) return;
          yield value;
        }
      } finally {
        await objects.return?.();
      }
    },
  };
}
