import type { DatabaseSync } from 'node:sqlite';

import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import type { WorkBell } from '../sql-database.ts';

/** How often a process that waits looks whether another one has changed something, in milliseconds. One look takes microseconds. */
const lookEvery = 500;

/** Rings within this process; a counter of SQLite tells that another one has written. */
export class SqliteBell implements WorkBell {
  readonly #database: DatabaseSync;
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #rings = 0;

  constructor(database: DatabaseSync, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  // The table of runs says all there is to know.
  async queued(): Promise<void> {}
  async taken(): Promise<void> {}

  ring(): void {
    this.#rings++;
    for (const wake of this.#waiting) wake();
  }

  async wait(milliseconds: number, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const rings = this.#rings;
    const version = this.#version();
    const over = new AbortController();
    const wake = (): void => over.abort();
    this.#waiting.add(wake);
    signal?.addEventListener('abort', wake, { once: true });
    try {
      for (let left = milliseconds; left > 0; left -= lookEvery) {
        await this.#clock
          .sleep(Math.min(left, lookEvery), { signal: over.signal })
          .catch((error: unknown) => {
            if (!over.signal.aborted) throw error;
          });
        signal?.throwIfAborted();
        if (rings !== this.#rings || version !== this.#version()) return;
      }
    } finally {
      this.#waiting.delete(wake);
      signal?.removeEventListener('abort', wake);
    }
  }

  /** Changes when another connection has written; `undefined` while it cannot be asked, for which there is a next time. */
  #version(): unknown {
    // A closed catalog has nothing to wait for.
    if (!this.#database.isOpen) return undefined;
    return this.#database.prepare('pragma data_version').get()?.['data_version'];
  }
}
