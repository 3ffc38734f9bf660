import type { CallOptions } from '../../src/base/call-options.ts';
import type { Clock } from '../../src/base/clock.ts';

interface Sleeper {
  readonly until: number;
  readonly wake: () => void;
}

/**
 * A clock that a test steers: time passes only by `pass`, the clock on the wall can be set, and the machine can sleep. Those who sleep by it are woken in the
 * order of time, and each may finish what it does before time goes on.
 */
export class SteeredClock implements Clock {
  readonly #sleepers = new Set<Sleeper>();
  readonly #watchers = new Set<() => void>();
  #wall: number;
  #monotonic = 1000;

  constructor(time: number) {
    this.#wall = time;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** How many sleep at the moment. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  async sleep(milliseconds: number, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      const sleeper: Sleeper = {
        until: this.#monotonic + Math.max(0, milliseconds),
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal?.removeEventListener('abort', stop);
          resolve();
        },
      };
      signal?.addEventListener('abort', stop, { once: true });
      this.#sleepers.add(sleeper);
      for (const watcher of this.#watchers) watcher();
    });
  }

  /** Resolves when at least so many sleep. */
  async asleep(count = 1): Promise<void> {
    while (this.#sleepers.size < count) {
      await new Promise<void>((resolve) => {
        const seen = (): void => {
          this.#watchers.delete(seen);
          resolve();
        };
        this.#watchers.add(seen);
      });
    }
  }

  /** Time passes; `count` is how many sleep whenever nobody has anything to do. */
  async pass(milliseconds: number, count = 1): Promise<void> {
    const target = this.#monotonic + milliseconds;
    for (;;) {
      await this.asleep(count);
      const next = Math.min(...[...this.#sleepers].map(({ until }) => until));
      if (next > target) break;
      this.#move(Math.max(0, next - this.#monotonic));
      // Those who are woken begin to sleep anew only later.
      for (const sleeper of this.#sleepers) if (sleeper.until <= this.#monotonic) sleeper.wake();
    }
    this.#move(target - this.#monotonic);
  }

  /** Time passes up to a point in time by the clock on the wall. */
  passUntil(time: number, count = 1): Promise<void> {
    return this.pass(time - this.#wall, count);
  }

  /** The clock on the wall is set: by an administrator, or by NTP. */
  set(time: number): void {
    this.#wall = time;
  }

  /** The machine sleeps: the clock on the wall goes on, programs do not notice, as with Linux. */
  suspend(milliseconds: number): void {
    this.#wall += milliseconds;
  }

  /** The machine sleeps, and the other clock goes on too, as with Windows. */
  suspendWithBothClocks(milliseconds: number): void {
    this.#move(milliseconds);
  }

  #move(milliseconds: number): void {
    this.#wall += milliseconds;
    this.#monotonic += milliseconds;
  }
}
