import type { Clock } from '../../../base/clock.ts';
import { LeftoverTimes } from '../../network/leftover-times.ts';
import type { SftpSession } from './session.ts';

/** So many are removed beside one call, so that it is not held up. */
const batch = 50;

/** Unfinished files that nobody writes any more: they are removed, without waiting, beside a later call that writes anyway. */
export class Leftovers {
  /** What listings have shown. */
  readonly times = new LeftoverTimes();
  readonly #clock: Clock;
  readonly #paths = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What a call of ours has left. */
  add(path: string): void {
    this.#paths.add(path);
  }

  /** A failure is of no interest: the next listing finds what is still there. */
  sweep(session: SftpSession): void {
    for (const path of this.times.takeOld(this.#clock.now())) this.#paths.add(path);
    for (const path of [...this.#paths].slice(0, batch)) {
      this.#paths.delete(path);
      session.later(session.remove(path));
    }
  }
}
