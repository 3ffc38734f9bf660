import type { OperationEvent } from '../../src/model/event.ts';
import type { OperationContext } from '../../src/engine/operation.ts';
import type { Clock } from '../../src/base/clock.ts';

/** What an operation needs, with the events it reported. */
export function operation(clock: Clock): OperationContext & { readonly events: OperationEvent[] } {
  const events: OperationEvent[] = [];
  return {
    events,
    clock,
    signal: new AbortController().signal,
    report: (event) => void events.push(event),
  };
}
