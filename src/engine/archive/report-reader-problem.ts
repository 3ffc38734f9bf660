import type { ReaderProblem } from '../../repository/duplicity/reader/reader-problem.ts';
import type { OperationContext } from '../operation.ts';

/** Tells of what reading an archive has brought to light. */
export function reportReaderProblem({
  report,
}: Pick<OperationContext, 'report'>): (problem: ReaderProblem) => void {
  return ({ severity, path, error }) => {
    report({ type: 'problem', severity, ...(path !== undefined && { path }), error });
  };
}
