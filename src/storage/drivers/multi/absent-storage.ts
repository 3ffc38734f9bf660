import type { AppError } from '../../../base/errors.ts';
import type { Storage } from '../../storage.ts';

/** Stands for a storage that could not be opened: every call rejects with the reason, after that of the signal. */
export function absentStorage(location: string, reason: AppError): Storage {
  const refuse = async (signal?: AbortSignal): Promise<never> => {
    signal?.throwIfAborted();
    throw reason;
  };
  return {
    location,
    // It takes part in nothing, so it makes the others no weaker.
    capabilities: {
      atomicReplace: true,
      conditionalPut: true,
      listingLag: 0,
      modifiedTimes: true,
      concurrency: 1000,
    },
    put: (_name, _body, options) => refuse(options?.signal),
    get: (_name, options) => refuse(options?.signal),
    read: (_name, options) => refuse(options?.signal),
    stat: (_name, options) => refuse(options?.signal),
    delete: (_name, options) => refuse(options?.signal),
    list: (_prefix, options) => ({
      [Symbol.asyncIterator]: () => ({ next: () => refuse(options?.signal) }),
    }),
    [Symbol.asyncDispose]: async () => undefined,
  };
}
