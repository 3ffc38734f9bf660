import { forward } from '../../src/storage/layers/forward.ts';
import type { Storage } from '../../src/storage/storage.ts';

/** A storage that disposes of something else after itself, for instance of the directory it is in. */
export function owning(inner: Storage, owned: AsyncDisposable): Storage {
  return {
    ...forward(inner),
    async [Symbol.asyncDispose]() {
      try {
        await inner[Symbol.asyncDispose]();
      } finally {
        await owned[Symbol.asyncDispose]();
      }
    },
  };
}
