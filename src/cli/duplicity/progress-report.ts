import type { Clock } from '../../base/clock.ts';
import type { OperationEvent } from '../../model/event.ts';
import { type DuplicityLog, infoCodes } from './duplicity-log.ts';

/**
 * What `--progress` shows now and then. Values for programs: bytes sent, seconds gone, percent, seconds to go, bytes a second, whether nothing goes on. Duplicity makes a rehearsal first to
 * know the whole; here the percentage stays 0 until the end.
 */
export class ProgressReport {
  readonly #log: DuplicityLog;
  readonly #clock: Clock;
  readonly #interval: number;
  readonly #begun: number;
  #last: number;
  #sent = 0;
  #read = 0;

  /** @param rate - seconds between two lines */
  constructor(log: DuplicityLog, clock: Clock, rate: number) {
    this.#log = log;
    this.#clock = clock;
    this.#interval = Math.max(1, rate) * 1000;
    this.#begun = clock.monotonic();
    this.#last = this.#begun;
  }

  /** So many bytes more were sent. */
  add(bytes: number): void {
    this.#sent += bytes;
  }

  event(event: OperationEvent): void {
    if (event.type !== 'progress') return;
    this.#read = event.bytesRead;
    const now = this.#clock.monotonic();
    if (now - this.#last < this.#interval) return;
    this.#last = now;
    this.#tell(0);
  }

  finish(): void {
    this.#tell(100);
  }

  #tell(percent: number): void {
    const seconds = Math.floor((this.#clock.monotonic() - this.#begun) / 1000);
    const speed = seconds === 0 ? 0 : Math.floor(this.#sent / seconds);
    const two = (value: number): string => String(value).padStart(2, '0');
    const elapsed = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
    const bar = percent === 100 ? '========================================>' : '>'.padEnd(41);
    const eta = percent === 100 ? '0sec' : `unknown, ${kilobytes(this.#read)} read`;
    this.#log.notice(
      `${kilobytes(this.#sent)} ${elapsed} [${kilobytes(speed)}/s] [${bar}] ${percent}% ETA ${eta}`,
      {
        code: infoCodes.uploadProgress,
        extra: `${this.#sent} ${seconds} ${percent} 0 ${speed} 0`,
      },
    );
  }
}

function kilobytes(bytes: number): string {
  const units = ['KB', 'MB', 'GB', 'TB'];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(1)}${units[unit]}`;
}
