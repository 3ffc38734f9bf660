import type { OperationContext } from '../engine/operation.ts';
import { operationContext } from './operation-context.ts';
import type { CommandSession } from './session.ts';

/** An operation context that counts the errors that are reported: for operations whose results are lists. */
export function countingContext(
  session: CommandSession,
): OperationContext & { readonly errors: number } {
  let errors = 0;
  const inner = operationContext(session);
  return {
    ...inner,
    get errors() {
      return errors;
    },
    report(event) {
      if (event.type === 'problem' && event.severity === 'error') errors++;
      inner.report(event);
    },
  };
}
