import type { OperationContext } from '../engine/operation.ts';
import type { CommandSession } from './session.ts';

/** What an operation of the engine is given of the session. */
export function operationContext({ clock, signal, output }: CommandSession): OperationContext {
  return { clock, signal, report: (event) => output.report(event) };
}
