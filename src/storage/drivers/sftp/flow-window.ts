import type { Clock } from '../../../base/clock.ts';

const mebibyte = 1024 ** 2;

/** Bytes. The largest fills a line of 100 MB/s over 40 ms, the smallest one of 100 KB/s over a second. */
const limits = { first: mebibyte, smallest: 128 * 1024, largest: 4 * mebibyte };

/** Milliseconds that an answer may take: what is asked meanwhile has to wait as long. */
const goal = 1000;

/**
 * How many bytes are on the way at once over a connection that several transfers share. It grows while answers come quickly and shrinks
 * when they do not, so that a slow line is not blocked for other calls by a long queue.
 */
export class FlowWindow {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #size = limits.first;
  #used = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get hasRoom(): boolean {
    return this.#used < this.#size;
  }

  /** Resolves when there may be room; whoever waits looks again. */
  room(): Promise<void> {
    return this.hasRoom ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Counts `bytes` until the request for them is answered, in one way or another. */
  async count<Result>(bytes: number, request: () => Promise<Result>): Promise<Result> {
    const start = this.#clock.monotonic();
    this.#used += bytes;
    try {
      return await request();
    } finally {
      this.#used -= bytes;
      this.#adapt(bytes, this.#clock.monotonic() - start);
      const waiting = this.#waiting.splice(0);
      for (const wake of waiting) wake();
    }
  }

  #adapt(bytes: number, taken: number): void {
    if (taken < goal) this.#size = Math.min(limits.largest, this.#size + bytes);
    else if (taken > 2 * goal) this.#size = Math.max(limits.smallest, this.#size - bytes);
  }
}
