import type { CallOptions } from '../../../base/call-options.ts';

/** What came of one call of a batch. `again` puts it into a later batch, `alone` into one of its own: to see which of many failed. */
export type Outcome<Result> =
  | { readonly result: Result }
  | { readonly error: unknown }
  | 'again'
  | 'alone';

export interface BatchSettings<Item, Result> {
  /** Does all of `items` at once and tells what came of each, in order; a rejection is that of all. */
  readonly run: (
    items: readonly Item[],
    options: { readonly signal: AbortSignal; readonly alone: boolean },
  ) => Promise<readonly Outcome<Result>[]>;
  /** Calls in one batch at most. */
  readonly largest: number;
  /** Batches that run at once. */
  readonly atOnce: number;
  /** Calls with different keys do not go together. */
  readonly keyOf?: (item: Item) => string;
  /** An aborted call stops the batch that it is in, so that it changes nothing more; the others begin again. */
  readonly stops: boolean;
  /** Takes what came of a call that nobody waits for any more. */
  readonly discard?: (result: Result) => void;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly settle: (outcome: { readonly result: Result } | { readonly error: unknown }) => void;
  alone: boolean;
  aborted: boolean;
}

/** Calls that wait while a program runs go together into its next run. */
export class Batches<Item, Result> {
  readonly #settings: BatchSettings<Item, Result>;
  #queue: Waiting<Item, Result>[] = [];
  #running = 0;

  constructor(settings: BatchSettings<Item, Result>) {
    this.#settings = settings;
  }

  /** What came of `item`; rejects with the failure of its run, or with `signal.reason`. */
  submit(item: Item, { signal }: CallOptions = {}): Promise<Result> {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        waiting.aborted = true;
        const at = this.#queue.indexOf(waiting);
        if (at >= 0) this.#queue.splice(at, 1);
        if (at >= 0 || !this.#settings.stops) reject(signal?.reason);
        this.#abortions.get(waiting)?.();
      };
      const waiting: Waiting<Item, Result> = {
        item,
        alone: false,
        aborted: false,
        settle: (outcome) => {
          signal?.removeEventListener('abort', stop);
          if (waiting.aborted) reject(signal?.reason);
          else if ('error' in outcome) reject(outcome.error);
          else resolve(outcome.result);
        },
      };
      signal?.addEventListener('abort', stop, { once: true });
      this.#queue.push(waiting);
      // Calls that are made at the same time are to go together.
      setImmediate(() => this.#pump());
    });
  }

  /** How a running batch learns that one of its calls was aborted. */
  readonly #abortions = new Map<Waiting<Item, Result>, () => void>();

  #pump(): void {
    while (this.#running < this.#settings.atOnce && this.#queue.length > 0) {
      const batch = this.#take();
      this.#running++;
      void this.#run(batch).finally(() => {
        this.#running--;
        this.#pump();
      });
    }
  }

  #take(): readonly Waiting<Item, Result>[] {
    const [first] = this.#queue;
    if (first === undefined) return [];
    const { keyOf = () => '', largest } = this.#settings;
    const key = keyOf(first.item);
    const batch = first.alone
      ? [first]
      : this.#queue
          .filter((waiting) => !waiting.alone && keyOf(waiting.item) === key)
          .slice(0, largest);
    this.#queue = this.#queue.filter((waiting) => !batch.includes(waiting));
    return batch;
  }

  async #run(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    const stop = new AbortController();
    for (const waiting of batch) {
      this.#abortions.set(waiting, () => {
        if (this.#settings.stops || batch.every(({ aborted }) => aborted))
          stop.abort(new Error('A call was aborted'));
      });
    }
    let outcomes: readonly Outcome<Result>[];
    try {
      outcomes = await this.#settings.run(
        batch.map(({ item }) => item),
        { signal: stop.signal, alone: batch[0]?.alone === true },
      );
    } catch (error) {
      outcomes = batch.map(() => (stop.signal.aborted ? 'again' : { error }));
    }
    for (const [index, waiting] of batch.entries()) {
      this.#abortions.delete(waiting);
      const outcome = outcomes[index] ?? 'again';
      if (waiting.aborted) {
        if (typeof outcome !== 'string' && 'result' in outcome)
          this.#settings.discard?.(outcome.result);
        waiting.settle({ error: undefined });
      } else if (typeof outcome !== 'string') waiting.settle(outcome);
      else {
        waiting.alone = outcome === 'alone';
        this.#queue.push(waiting);
      }
    }
  }
}
