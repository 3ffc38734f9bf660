import type { Writable } from 'node:stream';

import type { Clock } from '../../base/clock.ts';
import { formatDuration } from '../../base/duration.ts';
import { formatCount, formatRate, formatSize } from '../../base/size.ts';
import type { PhaseEvent, ProgressEvent, TotalEvent } from '../../model/event.ts';
import { displayPath, truncate } from './display-text.ts';
import { Meter } from './meter.ts';

const redrawInterval = 100;

/** One line on a terminal that is drawn over and over, at most ten times a second. */
export class ProgressLine {
  readonly #stream: Writable;
  readonly #clock: Clock;
  readonly #columns: () => number;
  #meter = new Meter();
  #phase = '';
  #total: TotalEvent | undefined;
  #progress: ProgressEvent | undefined;
  #drawn = -Infinity;
  #shown = false;

  constructor(stream: Writable, clock: Clock, columns: () => number) {
    this.#stream = stream;
    this.#clock = clock;
    this.#columns = columns;
  }

  update(event: PhaseEvent | TotalEvent | ProgressEvent): void {
    const now = this.#clock.monotonic();
    if (event.type === 'phase') {
      this.#phase = event.phase;
      this.#meter = new Meter();
      this.#total = undefined;
      this.#progress = undefined;
      this.#drawn = -Infinity;
    } else if (event.type === 'total') {
      this.#total = event;
    } else {
      this.#progress = event;
      this.#meter.add(now, event.bytes);
    }
    if (now - this.#drawn < redrawInterval) return;
    this.#drawn = now;
    this.#stream.write(`\r${truncate(this.text(now), this.#columns() - 1)}\x1b[K`);
    this.#shown = true;
  }

  /** Takes the line away, so that something else can be written in its place. */
  clear(): void {
    if (this.#shown) this.#stream.write('\r\x1b[K');
    this.#shown = false;
    this.#drawn = -Infinity;
  }

  /** What the line says at a time of the monotonic clock. */
  text(now: number): string {
    const parts = [this.#phase === '' ? 'working' : this.#phase];
    const progress = this.#progress;
    const total = this.#total;
    if (progress !== undefined) {
      const ofFiles = total === undefined ? '' : ` of ${formatCount(total.files)}`;
      const ofBytes = total === undefined ? '' : ` of ${formatSize(total.bytes)}`;
      parts.push(
        `${formatCount(progress.files)}${ofFiles} files`,
        `${formatSize(progress.bytes)}${ofBytes}`,
      );
      const rate = this.#meter.rate(now);
      if (rate !== undefined) parts.push(formatRate(rate));
      const left = total?.final === true ? this.#meter.timeLeft(now, total.bytes) : undefined;
      if (left !== undefined) parts.push(`${formatDuration(left)} left`);
      if (progress.errors > 0) parts.push(`${formatCount(progress.errors)} errors`);
      if (progress.current !== undefined) parts.push(displayPath(progress.current));
    }
    return parts.join(' · ');
  }
}
