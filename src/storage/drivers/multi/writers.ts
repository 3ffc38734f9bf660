import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode, messageOf } from '../../../base/errors.ts';
import { streamOf } from '../../byte-stream.ts';
import type { ByteSource } from '../../storage.ts';
import type { Writer } from './multi-storage.ts';
import type { Store, StoreList } from './store-list.ts';

export interface WriterSettings {
  /** What a store that does not take an object means: the next one is tried, or the call fails. */
  readonly onFailure: 'continue' | 'abort';
  readonly warn: (problem: AppError) => void;
}

/** Each new object goes to the next store in turn, one that is replaced stays where it is. */
export function striping(stores: StoreList, { onFailure, warn }: WriterSettings): Writer {
  let turn = 0;
  return async (name, body, { signal, ifAbsent = false }) => {
    const holders = await holdersOf(stores, name, { signal });
    if (ifAbsent && holders.length > 0) throw alreadyThere(name);
    const owners = stores.ownersOf(name);
    const start = turn++ % owners.length;
    const rotated = [...owners.slice(start), ...owners.slice(0, start)];
    const candidates = [...holders, ...rotated.filter((store) => !holders.includes(store))];
    const failures: unknown[] = [];
    let taker: Store | undefined;
    for (const store of candidates) {
      try {
        await store.storage.put(name, body, { signal, ifAbsent });
        taker = store;
        break;
      } catch (error) {
        signal?.throwIfAborted();
        if (onFailure === 'abort' || !isOfStore(error)) throw error;
        failures.push(error);
      }
    }
    if (taker === undefined) throw failures[0];
    const old = holders.filter((store) => store !== taker);
    try {
      for (const { storage } of old) await storage.delete(name);
    } catch (error) {
      // The old object would be read instead of the new one.
      if (!holders.includes(taker)) await taker.storage.delete(name);
      throw error;
    }
    for (const failure of failures) warn(notTaken(name, taker, failure));
  };
}

/** Each object goes to every store. */
export function mirroring(stores: StoreList, { onFailure, warn }: WriterSettings): Writer {
  return async (name, body, { signal, ifAbsent = false }) => {
    const mayFail = onFailure === 'continue';
    const holders = await holdersOf(stores, name, { signal }, mayFail);
    if (ifAbsent && holders.length > 0) throw alreadyThere(name);
    const owners = stores.ownersOf(name);
    const takers: Store[] = [];
    const failures: Failure[] = [];
    try {
      for (const store of owners) {
        try {
          // The first one that takes it decides between several writers.
          await store.storage.put(name, body, {
            signal,
            ifAbsent: ifAbsent && takers.length === 0,
          });
          takers.push(store);
        } catch (error) {
          signal?.throwIfAborted();
          if (!mayFail || !isOfStore(error)) throw error;
          failures.push({ store, error });
        }
      }
    } catch (error) {
      await takeBack(name, takers, holders, warn);
      throw error;
    }
    const [first] = takers;
    if (first === undefined) throw failures[0]?.error;
    for (const failure of failures) {
      // What the store may have of that name is old by now: none is better.
      const left = await failure.store.storage.delete(name).then(
        () => undefined,
        (error: unknown) => error,
      );
      warn(notTaken(name, first, failure.error, left));
    }
  };
}

interface Failure {
  readonly store: Store;
  readonly error: unknown;
}

/** The stores that have an object of this name. One that cannot say is an error, unless it `mayFail` and another can. */
async function holdersOf(
  stores: StoreList,
  name: string,
  options: CallOptions,
  mayFail = false,
): Promise<readonly Store[]> {
  const failures: unknown[] = [];
  const order = stores.inReadingOrder(name);
  const found = await Promise.all(
    order.map(async (store) => {
      try {
        await store.storage.stat(name, options);
        return true;
      } catch (error) {
        options.signal?.throwIfAborted();
        if (hasCode(error, 'storage/not-found')) return false;
        failures.push(error);
        return false;
      }
    }),
  );
  if (failures.length > 0 && (!mayFail || failures.length === order.length)) throw failures[0];
  return order.filter((_, index) => found[index]);
}

/** After a failure: what was written goes again, or becomes again what it was in a store that was not reached. */
async function takeBack(
  name: string,
  takers: readonly Store[],
  holders: readonly Store[],
  warn: (problem: AppError) => void,
): Promise<void> {
  try {
    const untouched = holders.find((store) => !takers.includes(store));
    for (const store of takers) {
      if (holders.length === 0) await store.storage.delete(name);
      else if (untouched !== undefined) {
        if (holders.includes(store)) await store.storage.put(name, await sourceIn(untouched, name));
        else await store.storage.delete(name);
      }
    }
  } catch (error) {
    warn(
      new AppError(
        'storage/unavailable',
        `"${name}" was stored in some of the stores only, and that could not be undone: ${messageOf(error)}`,
        { cause: error },
      ),
    );
  }
}

async function sourceIn({ storage }: Store, name: string): Promise<ByteSource> {
  const { size } = await storage.stat(name);
  return {
    size,
    stream() {
      let reader: Promise<ReadableStreamDefaultReader<Uint8Array>> | undefined;
      return streamOf({
        async next() {
          reader ??= storage.get(name).then((stream) => stream.getReader());
          return (await (await reader).read()).value;
        },
        close: async (reason) => (await reader)?.cancel(reason).catch(() => undefined),
      });
    },
  };
}

/** Whether a failed `put` is the fault of the store, so that another store may do better: not of the body, nor that the name is taken. */
function isOfStore(error: unknown): boolean {
  return hasCode(error) && !hasCode(error, 'input/invalid', 'storage/already-exists');
}

function notTaken(name: string, taker: Store, error: unknown, left?: unknown): AppError {
  const old = left === undefined ? '' : '; an older object of that name may be left there';
  return new AppError(
    'storage/unavailable',
    `"${name}" is stored in "${taker.storage.location}" all the same: ${messageOf(error)}${old}`,
    { cause: error },
  );
}

function alreadyThere(name: string): AppError {
  return new AppError('storage/already-exists', `Cannot store "${name}": it is already there`);
}
