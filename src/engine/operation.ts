import type { Clock } from '../base/clock.ts';
import type { OperationEvent } from '../model/event.ts';

/** What every operation is given besides its input: how to stop, what time it is, and whom to tell. Tests pass a fake clock and collect the events. */
export interface OperationContext {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly report: (event: OperationEvent) => void;
}
