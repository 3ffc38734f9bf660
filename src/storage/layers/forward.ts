import type { Storage } from '../storage.ts';

/** A storage that hands every call on: layers spread it and replace what they change. */
export function forward(inner: Storage): Storage {
  return {
    location: inner.location,
    capabilities: inner.capabilities,
    put: (name, body, options) => inner.put(name, body, options),
    get: (name, options) => inner.get(name, options),
    read: (name, options) => inner.read(name, options),
    stat: (name, options) => inner.stat(name, options),
    list: (prefix, options) => inner.list(prefix, options),
    delete: (name, options) => inner.delete(name, options),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}
