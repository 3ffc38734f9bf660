import { AppError } from '../../base/errors.ts';

/**
 * An error made from a status alone, when the service has not said in its own words that an object is missing: an address that is wrong or
 * a cursor that has expired look the same, and must not pass for an empty folder.
 */
export function notMissing(error: AppError): AppError {
  if (error.code !== 'storage/not-found') return error;
  return new AppError('storage/unavailable', `${error.message}, or the answer is not understood`, {
    cause: error,
    details: error.details,
  });
}
