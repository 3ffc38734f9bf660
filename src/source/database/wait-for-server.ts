import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import { formatDuration } from '../../base/duration.ts';

/** An attempt to reach a server. */
export type Attempt<Answer> =
  | { readonly answer: Answer }
  /** It may answer later; why it did not, as the end of a sentence. */
  | { readonly notYet: string };

const pause = 500;

/**
 * Asks a server until it answers, but not longer than it was to be waited for.
 *
 * @param ask is given how many milliseconds are left, at least a second; throws what waiting cannot mend
 * @throws AppError `database/unavailable`
 */
export async function waitForServer<Answer>(
  ask: (left: number) => Promise<Attempt<Answer>>,
  {
    server,
    wait,
    clock,
    signal,
  }: CallOptions & { readonly server: string; readonly wait: number; readonly clock: Clock },
): Promise<Answer> {
  const beginning = clock.monotonic();
  for (;;) {
    const left = (): number => wait - (clock.monotonic() - beginning);
    const attempt = await ask(Math.max(1000, left()));
    if ('answer' in attempt) return attempt.answer;
    if (left() <= pause) {
      throw new AppError(
        'database/unavailable',
        `The server "${server}" did not answer within ${formatDuration(wait)}: ${attempt.notYet}`,
        { hint: 'Look whether it runs, and whether host and port are right' },
      );
    }
    await clock.sleep(pause, { signal });
  }
}
