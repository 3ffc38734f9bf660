import type { Clock } from '../../src/base/clock.ts';
import { forward } from '../../src/storage/layers/forward.ts';
import type { Storage, StorageObject } from '../../src/storage/storage.ts';

interface Change {
  readonly name: string;
  readonly at: number;
  /** What a listing showed before; `undefined` when the object was not there. */
  readonly before: StorageObject | undefined;
}

/**
 * A storage whose listings show each change `lag` seconds late: a new object is missing, a deleted one still there. Reading and `stat`
 * are at once, as with the object stores that behave so.
 */
export function lagging(
  inner: Storage,
  { lag, clock }: { readonly lag: number; readonly clock: Clock },
): Storage {
  const changes: Change[] = [];

  async function changing(name: string, change: () => Promise<void>): Promise<void> {
    const before = await findIn(inner, name);
    await change();
    changes.push({ name, at: clock.monotonic(), before });
  }

  return {
    ...forward(inner),
    capabilities: { ...inner.capabilities, listingLag: lag },
    put: (name, body, options) => changing(name, () => inner.put(name, body, options)),
    delete: (name, options) => changing(name, () => inner.delete(name, options)),
    async *list(prefix, options) {
      const visible = clock.monotonic() - lag * 1000;
      // Of several recent changes of one name, the earliest says what stood there before.
      const hidden = new Map<string, StorageObject | undefined>();
      for (const { name, at, before } of changes) {
        if (at > visible && name.startsWith(prefix) && !hidden.has(name)) hidden.set(name, before);
      }
      for await (const object of inner.list(prefix, options))
        if (!hidden.has(object.name)) yield object;
      for (const object of hidden.values()) if (object !== undefined) yield object;
    },
  };
}

async function findIn(storage: Storage, name: string): Promise<StorageObject | undefined> {
  for await (const object of storage.list(name)) if (object.name === name) return object;
  return undefined;
}
