import { AppError } from '../base/errors.ts';
import { failureReason } from '../engine/destination/failure-reason.ts';

/** A failure of the storage at a destination, in words for whoever has named that and none of its objects. `action` reads like `reach "sftp://host/place"`. */
export function failureAt(error: unknown, action: string): unknown {
  if (!(error instanceof AppError) || !error.code.startsWith('storage/')) return error;
  const reason = failureReason(error);
  if (reason === error.message) return error;
  return new AppError(error.code, `Cannot ${action}: ${reason}`, {
    cause: error,
    details: error.details,
    ...(error.hint !== undefined && { hint: error.hint }),
  });
}
