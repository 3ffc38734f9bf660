import type { CallOptions } from './call-options.ts';
import { startTimer } from './long-timer.ts';

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
  sleep(milliseconds, { signal } = {}) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Not by `node:timers/promises`, which makes an exception of its own for every sleep that is cut short.
    const stop = (): void => {
      timer[Symbol.dispose]();
      reject(signal?.reason);
    };
    const timer = startTimer(milliseconds, () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    });
    if (signal?.aborted === true) stop();
    else signal?.addEventListener('abort', stop, { once: true });
    return promise;
  },
};
