import type { OperationEvent } from '../../src/model/event.ts';
import type { OperationContext } from '../../src/engine/operation.ts';
import type { Clock } from '../../src/base/clock.ts';

/** Totals that count where progress is told: a phase begins without one. */
export function totalsInProgress(events: readonly OperationEvent[]): (number | undefined)[] {
  const found = new Set<number | undefined>();
  let total: number | undefined;
  for (const event of events) {
    if (event.type === 'phase') total = undefined;
    else if (event.type === 'total') total = event.bytes;
    else if (event.type === 'progress') found.add(total);
  }
  return [...found];
}

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
