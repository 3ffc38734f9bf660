import { forward } from '../../src/storage/layers/forward.ts';
import type { Storage } from '../../src/storage/storage.ts';

export type StorageMethod = 'put' | 'get' | 'read' | 'stat' | 'list' | 'delete';

/** One call: `undefined` passes; an error is thrown instead of the call, after it (a lost answer), or something is called first. */
export type Step =
  | undefined
  | Error
  | { readonly after: Error }
  | { readonly before: () => Promise<void> | void }
  /** Ends the world: for child processes that kill themselves before or after the call. */
  | { readonly die: 'before' | 'after'; readonly how: () => never };

/** For each method what its calls meet, in turn; the last step repeats. */
export type FaultScript = Readonly<Partial<Record<StorageMethod, readonly Step[]>>>;

/** A storage whose calls fail as the script says. */
export function faulty(inner: Storage, script: FaultScript): Storage {
  const calls = new Map<StorageMethod, number>();
  return steered(inner, (method) => {
    const call = calls.get(method) ?? 0;
    calls.set(method, call + 1);
    return script[method]?.at(Math.min(call, script[method].length - 1));
  });
}

/** Call `number` (from 1) of `method`, or of all methods together, meets `step`; all others pass. `called` counts. */
export function faultyAt(
  inner: Storage,
  at: { readonly method?: StorageMethod; readonly number: number; readonly step: Step },
): Storage & { readonly called: () => number } {
  let called = 0;
  const storage = steered(inner, (method) => {
    if (at.method !== undefined && at.method !== method) return undefined;
    called++;
    return called === at.number ? at.step : undefined;
  });
  return { ...storage, called: () => called };
}

/** A storage where `choose` says for each call what it meets. A listing fails after its first object as well as before it. */
export function steered(
  inner: Storage,
  choose: (method: StorageMethod, name: string) => Step,
): Storage {
  async function meet<Result>(
    method: StorageMethod,
    name: string,
    call: () => Promise<Result>,
  ): Promise<Result> {
    const step = choose(method, name);
    if (step === undefined) return call();
    if (step instanceof Error) throw step;
    if ('before' in step) {
      await step.before();
      return call();
    }
    if ('die' in step && step.die === 'before') return step.how();
    const result = await call();
    if ('after' in step) {
      if (result instanceof ReadableStream) await result.cancel();
      throw step.after;
    }
    return step.how();
  }
  return {
    ...forward(inner),
    put: (name, body, options) => meet('put', name, () => inner.put(name, body, options)),
    get: (name, options) => meet('get', name, () => inner.get(name, options)),
    read: (name, options) => meet('read', name, () => inner.read(name, options)),
    stat: (name, options) => meet('stat', name, () => inner.stat(name, options)),
    delete: (name, options) => meet('delete', name, () => inner.delete(name, options)),
    async *list(prefix, options) {
      const step = choose('list', prefix);
      if (step instanceof Error) throw step;
      if (step !== undefined && 'before' in step) await step.before();
      if (step !== undefined && 'die' in step && step.die === 'before') step.how();
      for await (const object of inner.list(prefix, options)) {
        yield object;
        if (step !== undefined && 'after' in step) throw step.after;
      }
      if (step !== undefined && 'after' in step) throw step.after;
      if (step !== undefined && 'die' in step) step.how();
    },
  };
}
