import type { AppError } from '../../../base/errors.ts';

/** Something that reading an archive brings to light and that does not end it. */
export interface ReaderProblem {
  /** `error`: something is not read that should be there. `warning`: it is read, but is not as it should be. */
  readonly severity: 'warning' | 'error';
  /** The entry it is about, relative to the root; undefined for a whole volume. */
  readonly path: Uint8Array | undefined;
  readonly error: AppError;
}
