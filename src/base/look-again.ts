import type { Clock } from './clock.ts';
import { messageOf } from './errors.ts';

export interface LookSettings {
  readonly clock: Clock;
  /** Milliseconds between two looks. */
  readonly pause: number;
  readonly signal: AbortSignal;
  /** Is told of a failure once, until a look has succeeded or fails otherwise. */
  readonly warn: (error: unknown) => void;
}

/** Looks again and again, until the signal aborts; never rejects. */
export async function lookAgain(
  look: () => Promise<void>,
  { clock, pause, signal, warn }: LookSettings,
): Promise<void> {
  let told: string | undefined;
  while (!signal.aborted) {
    try {
      await clock.sleep(pause, { signal });
      await look();
      told = undefined;
    } catch (error) {
      if (signal.aborted) return;
      if (messageOf(error) !== told) warn(error);
      told = messageOf(error);
    }
  }
}
