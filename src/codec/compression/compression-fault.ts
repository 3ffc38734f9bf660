import { AppError } from '../../base/errors.ts';

/** Something else came out of what was just compressed than went in: the memory or the processor is not sound. */
export function compressionFault(): AppError {
  return new AppError('internal', 'What was just compressed does not hold what went into it', {
    hint: 'Test the memory of this computer, then run the backup again',
  });
}
