import { hasCode, messageOf } from '../../base/errors.ts';
import type { RunProblem } from '../../model/run.ts';

/** An error as it stands in the record of a step. */
export function problemOf(error: unknown): RunProblem {
  return {
    code: hasCode(error) ? error.code : 'internal',
    message: messageOf(error),
    ...(hasCode(error) && error.hint !== undefined && { hint: error.hint }),
  };
}
