import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';

/** Sleeps are no longer than this, so that a changed rate is felt soon. */
const longestSleep = 500;

/**
 * Lets bytes through at a rate, in the order of the calls. What was not used is saved up for one second; a call for more than there
 * is goes through at once when the bucket is not in debt and leaves a debt that the next one waits for.
 */
export class TokenBucket {
  readonly #rate: () => number | undefined;
  readonly #clock: Clock;
  #level = 0;
  #filled: number;
  #turn: Promise<void> = Promise.resolve();

  /** `rate` is asked anew all the time: bytes a second, `undefined` for no limit. */
  constructor(rate: () => number | undefined, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#filled = clock.monotonic();
  }

  async take(bytes: number, { signal }: CallOptions = {}): Promise<void> {
    const turn = this.#turn.then(() => this.#take(bytes, signal));
    // Whoever comes next waits for this call to end, not for it to succeed.
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #take(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      const rate = this.#rate();
      if (rate === undefined) return;
      this.#fill(rate);
      if (this.#level >= 0) break;
      const wait = Math.ceil((-this.#level / rate) * 1000);
      await this.#clock.sleep(Math.min(Math.max(wait, 1), longestSleep), { signal });
    }
    this.#level -= bytes;
  }

  #fill(rate: number): void {
    const now = this.#clock.monotonic();
    this.#level = Math.min(rate, this.#level + ((now - this.#filled) / 1000) * rate);
    this.#filled = now;
  }
}
