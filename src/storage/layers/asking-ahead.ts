import type { CallOptions } from '../../base/call-options.ts';
import { untilAborted } from '../../base/until-aborted.ts';
import type { Storage, StorageObject } from '../storage.ts';
import { forward } from './forward.ts';

export interface AskOptions extends CallOptions {
  /** Objects that whoever asks has elsewhere, so that they need not be fetched. */
  readonly isAtHand?: ((name: string) => Promise<boolean>) | undefined;
}

/** A storage that can be asked for listings and small objects before anybody waits for them. */
export interface AskingAhead extends Storage {
  /**
   * Begins to list these prefixes, one after the other in this order, and to read what is in them. The next listing of such a prefix, and the next reading
   * of such an object, is what was asked for here, its failure included: as old as this call at most. Whatever comes after that asks anew.
   */
  askFor(prefixes: readonly string[], options?: AskOptions): void;
}

/** Bytes that are read before they are wanted, at most; the rest is read when it is. */
const MOST = 16 * 1024 ** 2;
/** What an object counts for at least, so that there are not too many. */
const LEAST = 4096;

/** Asks ahead, where `askFor` says so. Once something is stored or deleted through this storage, nothing is answered any more with what was asked for before. */
export function askingAhead(inner: Storage): AskingAhead {
  const closing = new AbortController();
  /** A listing is missing where the one before has failed. */
  const listings = new Map<string, Promise<readonly StorageObject[] | undefined>>();
  const objects = new Map<string, Promise<Uint8Array>>();
  const running = new Set<Promise<void>>();
  let room = MOST;
  let changes = 0;

  /** Whoever wants it meets its failure; perhaps nobody does. */
  function follow<Result>(work: Promise<Result>): Promise<Result> {
    const over: Promise<void> = work.then(
      () => void running.delete(over),
      () => void running.delete(over),
    );
    running.add(over);
    return work;
  }

  async function ask(
    prefix: string,
    { signal, isAtHand = () => Promise.resolve(false) }: AskOptions,
  ): Promise<readonly StorageObject[]> {
    const asked = changes;
    const found = await Array.fromAsync(inner.list(prefix, { signal }));
    // Before the listing is given out: whoever has it reads, and must not read the same beside this.
    const atHand = await Promise.all(found.map(({ name }) => isAtHand(name)));
    for (const [index, { name, size }] of found.entries()) {
      const counted = Math.max(size, LEAST);
      if (atHand[index] === true || counted > room || asked !== changes) continue;
      room -= counted;
      objects.set(name, follow(inner.read(name, { signal })));
    }
    return found;
  }

  function forget(): void {
    changes++;
    listings.clear();
    objects.clear();
  }

  return {
    ...forward(inner),
    askFor(prefixes, { signal, isAtHand } = {}) {
      const signals = signal === undefined ? [closing.signal] : [closing.signal, signal];
      const options = { signal: AbortSignal.any(signals), isAtHand };
      const asked = changes;
      let before: Promise<readonly StorageObject[] | undefined> = Promise.resolve([]);
      for (const prefix of prefixes) {
        before = before.then(
          (last) => (last === undefined || asked !== changes ? undefined : ask(prefix, options)),
          () => undefined,
        );
        listings.set(prefix, follow(before));
      }
    },
    async put(name, body, options) {
      forget();
      await inner.put(name, body, options);
    },
    async delete(name, options) {
      forget();
      await inner.delete(name, options);
    },
    async read(name, options) {
      const asked = options?.range === undefined ? objects.get(name) : undefined;
      if (asked === undefined) return inner.read(name, options);
      objects.delete(name);
      return untilAborted(asked, options?.signal);
    },
    async *list(prefix, options) {
      const asked = listings.get(prefix);
      listings.delete(prefix);
      const found = asked && (await untilAborted(asked, options?.signal));
      if (found === undefined) {
        yield* inner.list(prefix, options);
        return;
      }
      for (const object of found) {
        options?.signal?.throwIfAborted();
        yield object;
      }
    },
    async [Symbol.asyncDispose]() {
      closing.abort(new DOMException('The storage was closed', 'AbortError'));
      while (running.size > 0) await Promise.all(running);
      forget();
      await inner[Symbol.asyncDispose]();
    },
  };
}
