import type { AppError } from '../../base/errors.ts';
import type { Storage } from '../storage.ts';
import { forward } from './forward.ts';
import { ObjectCache } from './object-cache.ts';

export interface CachingSettings {
  /** For this storage alone; made when it is first written to. */
  readonly directory: string;
  /** True for names whose object never changes: those that are named by content, or written once. */
  readonly cacheable: (name: string) => boolean;
  /** Whether bytes that were read are the object of that name: a copy of a damaged one would outlive its repair, and pass for the damage itself. */
  readonly isSound: (name: string, bytes: Uint8Array) => boolean;
  /** Objects larger than this many bytes are not kept. */
  readonly largest?: number;
  /** Told once when the directory cannot be used. */
  readonly warn: (problem: AppError) => void;
}

/**
 * Keeps local copies of small objects that never change. Only reading an object whole in one piece uses a copy, and it does so without
 * asking the storage: whoever must know that an object still exists asks `stat` or `list`, and whoever must know that it is sound there reads `inner`.
 */
export function caching(inner: Storage, settings: CachingSettings): Storage {
  const { directory, cacheable, isSound, largest = 16 * 1024 ** 2, warn } = settings;
  const cache = new ObjectCache(directory, warn);
  const keep = async (name: string, bytes: Uint8Array): Promise<void> => {
    if (bytes.byteLength <= largest) await cache.store(name, bytes);
  };
  return {
    ...forward(inner),
    async put(name, body, options) {
      await inner.put(name, body, options);
      if (!cacheable(name)) return;
      if (body instanceof Uint8Array && body.byteLength <= largest) await keep(name, body);
      else await cache.remove(name);
    },
    async read(name, options) {
      options?.signal?.throwIfAborted();
      if (!cacheable(name) || options?.range !== undefined) return inner.read(name, options);
      const copy = await cache.load(name);
      options?.signal?.throwIfAborted();
      if (copy !== undefined) return copy;
      const bytes = await inner.read(name, options);
      if (isSound(name, bytes)) await keep(name, bytes);
      return bytes;
    },
    async delete(name, options) {
      options?.signal?.throwIfAborted();
      // First: if this dies in between, an object without a copy is left, not a copy without an object.
      if (cacheable(name)) await cache.remove(name);
      await inner.delete(name, options);
    },
  };
}
