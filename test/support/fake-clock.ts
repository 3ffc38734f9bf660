import type { CallOptions } from '../../src/base/call-options.ts';
import type { Clock } from '../../src/base/clock.ts';

/** A clock that stands still until somebody sleeps, which takes no time but moves it. */
export class FakeClock implements Clock {
  /** How long each sleep was, in milliseconds. */
  readonly sleeps: number[] = [];
  #time: number;

  constructor(time = Date.UTC(2026, 0, 1)) {
    this.#time = time;
  }

  now(): number {
    return this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  advance(milliseconds: number): void {
    this.#time += milliseconds;
  }

  async sleep(milliseconds: number, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.sleeps.push(milliseconds);
    this.advance(milliseconds);
    await Promise.resolve();
    signal?.throwIfAborted();
  }
}
