/** The rate of a growing number over the last seconds, and the time left. Times are those of a monotonic clock, in milliseconds. */
export class Meter {
  readonly #window: number;
  #samples: { time: number; amount: number }[] = [];

  constructor(window = 15_000) {
    this.#window = window;
  }

  /** Takes note of the amount done so far. */
  add(time: number, amount: number): void {
    const last = this.#samples.at(-1);
    // Ten samples a second are enough, however many events come.
    if (last !== undefined && time - last.time < 100 && this.#samples.length > 1) {
      last.amount = amount;
    } else {
      this.#samples.push({ time, amount });
    }
    while (this.#samples.length > 2 && time - this.#samples[1]!.time > this.#window)
      this.#samples.shift();
  }

  /** Amount per second; `undefined` until a second has passed. */
  rate(time: number): number | undefined {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || time - first.time < 1000) return undefined;
    return ((last.amount - first.amount) * 1000) / (time - first.time);
  }

  /** Milliseconds until `total` is reached at the present rate; `undefined` if that cannot be said. */
  timeLeft(time: number, total: number): number | undefined {
    const rate = this.rate(time);
    const done = this.#samples.at(-1)?.amount ?? 0;
    if (rate === undefined || rate <= 0) return undefined;
    return (Math.max(0, total - done) * 1000) / rate;
  }
}
