import { AppError } from '../../../base/errors.ts';
import { fileReason } from '../../../base/file-reason.ts';

/** What this machine remembers of a repository cannot be read or written. What is an `AppError` already says enough. */
export function stateProblem(path: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  return new AppError('local/unwritable', `Cannot keep "${path}": ${fileReason(cause)}`, {
    cause,
    hint: 'Free space there or make it writable, or give another state directory',
  });
}
