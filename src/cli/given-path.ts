import path from 'node:path';

import { AppError } from '../base/errors.ts';

/**
 * An absolute path from what was given for `what`. Throws `input/usage` for an empty text: most often a variable that is not set, and
 * never the working directory.
 */
export function givenPath(text: string, what: string, workingDirectory: string): string {
  if (text === '') throw new AppError('input/usage', `${what} is an empty path`);
  return path.resolve(workingDirectory, text);
}
