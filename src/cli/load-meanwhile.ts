import type { Clock } from '../base/clock.ts';

/** Milliseconds after which a destination is taken for one that is far away. */
const FAR = 40;

/** The result of `waiting`; if that takes a while, what will most likely be needed next is loaded beside it. */
export async function loadMeanwhile<Result>(
  waiting: Promise<Result>,
  load: () => Promise<unknown>,
  clock: Clock,
): Promise<Result> {
  const done = new AbortController();
  clock
    .sleep(FAR, { signal: done.signal })
    .then(load)
    .catch(() => undefined); // whoever needs it meets its failure
  try {
    return await waiting;
  } finally {
    done.abort();
  }
}
