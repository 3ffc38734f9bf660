import { setTimeout as sleep } from 'node:timers/promises';

import type { CallOptions } from './call-options.ts';

/** The only place where the program learns the time; tests pass a fake one. */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970. */
  now(): number;
  /** Milliseconds of a clock that never jumps; only differences mean something. */
  monotonic(): number;
  /** Resolves after `milliseconds`; rejects with `signal.reason` when aborted. */
  sleep(milliseconds: number, options?: CallOptions): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(milliseconds, { signal } = {}) {
    signal?.throwIfAborted();
    await sleep(milliseconds, undefined, { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
  },
};
