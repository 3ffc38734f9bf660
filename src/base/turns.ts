import type { CallOptions } from './call-options.ts';
import { Semaphore } from './semaphore.ts';

/** One after the other for each name, in the order in which they came; those of different names do not wait for each other. */
export class Turns {
  readonly #names = new Map<string, { readonly semaphore: Semaphore; users: number }>();

  /** Resolves with the right to go on, which is given back by disposing of it, once. Rejects with `signal.reason`. */
  async take(name: string, options: CallOptions = {}): Promise<Disposable> {
    const entry = this.#names.get(name) ?? { semaphore: new Semaphore(1), users: 0 };
    entry.users++;
    this.#names.set(name, entry);
    const leave = (): void => {
      entry.users--;
      if (entry.users === 0) this.#names.delete(name);
    };
    try {
      const turn = await entry.semaphore.acquire(options);
      return {
        [Symbol.dispose]() {
          turn[Symbol.dispose]();
          leave();
        },
      };
    } catch (error) {
      leave();
      throw error;
    }
  }
}
