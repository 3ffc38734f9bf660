import type { Storage } from '../storage.ts';

/** What a storage says and does about its directories, for one that keeps its objects there under their own names. */
export function directoriesOf(
  inner: Storage,
): Pick<Storage, 'localDirectories' | 'prepare' | 'removeMade'> {
  const { localDirectories } = inner;
  return {
    ...(localDirectories && { localDirectories }),
    ...(inner.prepare && {
      prepare: (prefixes, options) => inner.prepare?.(prefixes, options) ?? Promise.resolve(),
    }),
    ...(inner.removeMade && {
      removeMade: (options) => inner.removeMade?.(options) ?? Promise.resolve(),
    }),
  };
}

/** A storage that hands every call on: layers spread it and replace what they change. */
export function forward(inner: Storage): Storage {
  return {
    location: inner.location,
    capabilities: inner.capabilities,
    ...directoriesOf(inner),
    ...(inner.expectReads && { expectReads: () => inner.expectReads?.() }),
    put: (name, body, options) => inner.put(name, body, options),
    get: (name, options) => inner.get(name, options),
    read: (name, options) => inner.read(name, options),
    stat: (name, options) => inner.stat(name, options),
    list: (prefix, options) => inner.list(prefix, options),
    delete: (name, options) => inner.delete(name, options),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}
