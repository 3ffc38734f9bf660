import type { Storage } from '../storage.ts';

/** What storages say about where they lie, for a storage that is made of them. */
export function localDirectoriesOf(
  ...storages: readonly Storage[]
): Pick<Storage, 'localDirectories'> {
  const directories = storages.flatMap(({ localDirectories = [] }) => localDirectories);
  return directories.length === 0 ? {} : { localDirectories: directories };
}

/** A storage that hands every call on: layers spread it and replace what they change. */
export function forward(inner: Storage): Storage {
  return {
    location: inner.location,
    capabilities: inner.capabilities,
    ...localDirectoriesOf(inner),
    put: (name, body, options) => inner.put(name, body, options),
    get: (name, options) => inner.get(name, options),
    read: (name, options) => inner.read(name, options),
    stat: (name, options) => inner.stat(name, options),
    list: (prefix, options) => inner.list(prefix, options),
    delete: (name, options) => inner.delete(name, options),
    ...(inner.prepare && {
      prepare: (prefixes, options) => inner.prepare?.(prefixes, options) ?? Promise.resolve(),
    }),
    ...(inner.removeMade && {
      removeMade: (options) => inner.removeMade?.(options) ?? Promise.resolve(),
    }),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}
