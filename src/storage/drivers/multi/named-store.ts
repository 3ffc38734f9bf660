import { AppError } from '../../../base/errors.ts';
import { streamOf } from '../../byte-stream.ts';
import { forward } from '../../layers/forward.ts';
import type { Storage } from '../../storage.ts';

/** What is said of an object rather than of the store that was asked for it. */
const aboutObjects: ReadonlySet<string> = new Set([
  'storage/not-found',
  'storage/already-exists',
  'storage/bad-range',
  'input/invalid',
]);

/** One of several storages whose failures name it: whoever reads them has only named the list of them. */
export function namedStore(inner: Storage): Storage {
  const named = (error: unknown, signal: AbortSignal | undefined): unknown =>
    signal?.aborted === true ? signal.reason : storeError(inner.location, error);
  const naming = async <Result>(
    signal: AbortSignal | undefined,
    call: () => Promise<Result>,
  ): Promise<Result> => {
    try {
      return await call();
    } catch (error) {
      throw named(error, signal);
    }
  };
  return {
    ...forward(inner),
    put: (name, body, options) => naming(options?.signal, () => inner.put(name, body, options)),
    async get(name, options) {
      const signal = options?.signal;
      const stream = await naming(signal, () => inner.get(name, options));
      const reader = stream.getReader();
      return streamOf(
        {
          next: async () => (await naming(signal, () => reader.read())).value,
          // What has failed already is on its way to the reader.
          close: (reason) => reader.cancel(reason).catch(() => undefined),
        },
        { signal },
      );
    },
    read: (name, options) => naming(options?.signal, () => inner.read(name, options)),
    stat: (name, options) => naming(options?.signal, () => inner.stat(name, options)),
    async *list(prefix, options) {
      try {
        yield* inner.list(prefix, options);
      } catch (error) {
        throw named(error, options?.signal);
      }
    },
    delete: (name, options) => naming(options?.signal, () => inner.delete(name, options)),
    [Symbol.asyncDispose]: () => naming(undefined, async () => inner[Symbol.asyncDispose]()),
  };
}

function storeError(location: string, error: unknown): unknown {
  if (!(error instanceof AppError) || aboutObjects.has(error.code)) return error;
  return new AppError(error.code, `The store "${location}" fails: ${error.message}`, {
    cause: error,
    details: error.details,
    ...(error.hint !== undefined && { hint: error.hint }),
  });
}
