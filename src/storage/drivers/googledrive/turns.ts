import type { CallOptions } from '../../../base/call-options.ts';
import { Semaphore } from '../../../base/semaphore.ts';

/** Lets calls that concern the same name follow one another; others pass. */
export class Turns {
  readonly #held = new Map<string, { readonly turn: Semaphore; holders: number }>();

  /** Does `work` when all earlier calls with this name are over. */
  async take<Result>(
    name: string,
    options: CallOptions,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const held = this.#held.get(name) ?? { turn: new Semaphore(1), holders: 0 };
    this.#held.set(name, held);
    held.holders++;
    try {
      using _turn = await held.turn.acquire(options);
      return await work();
    } finally {
      held.holders--;
      if (held.holders === 0) this.#held.delete(name);
    }
  }
}
