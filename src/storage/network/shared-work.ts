import type { CallOptions } from '../../base/call-options.ts';

/** Work that many calls need and that is done once: whoever comes while it runs waits for it, whoever comes later goes on at once. */
export class SharedWork {
  readonly #begun = new Map<string, Promise<void>>();

  /** Resolves when the work called `key` has been done. After a failure, and when a waiting call is aborted, the next call begins anew. */
  async do(key: string, work: () => Promise<void>, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const known = this.#begun.get(key);
    const running = known ?? work();
    if (known === undefined) {
      this.#begun.set(key, running);
      running.catch(() => this.#drop(key, running));
    }
    if (signal === undefined) return running;
    let stop: (() => void) | undefined;
    const aborted = new Promise<never>((_, reject) => {
      stop = () => {
        // It may hang, and nobody else shall hang with it.
        this.#drop(key, running);
        reject(signal.reason);
      };
      signal.addEventListener('abort', stop, { once: true });
    });
    try {
      await Promise.race([running, aborted]);
    } finally {
      if (stop !== undefined) signal.removeEventListener('abort', stop);
    }
  }

  /** Forgets finished work whose key is wanted by `matches`. */
  forget(matches: (key: string) => boolean): void {
    for (const key of this.#begun.keys()) if (matches(key)) this.#begun.delete(key);
  }

  #drop(key: string, running: Promise<void>): void {
    if (this.#begun.get(key) === running) this.#begun.delete(key);
  }
}
