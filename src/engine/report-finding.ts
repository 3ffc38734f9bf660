import { AppError } from '../base/errors.ts';
import type { Finding } from '../repository/native/reader/finding.ts';
import type { OperationContext } from './operation.ts';

/** Passes on what reading a repository brings to light. That a copy is bad is a warning: what it costs is reported where it costs something. */
export function reportFinding(context: OperationContext): (finding: Finding) => void {
  return ({ message }) => {
    const error = new AppError('repository/damaged', message);
    context.report({ type: 'problem', severity: 'warning', error });
  };
}
