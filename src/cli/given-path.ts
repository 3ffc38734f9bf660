import path from 'node:path';

import { AppError } from '../base/errors.ts';
import { shownAddress } from '../storage/shown-address.ts';

/**
 * An absolute path from what was given for `what`. Throws `input/usage` for an empty text: most often a variable that is not set, and
 * never the working directory.
 */
export function givenPath(text: string, what: string, workingDirectory: string): string {
  if (text === '') throw new AppError('input/usage', `${what} is an empty path`);
  return path.resolve(workingDirectory, text);
}

/** The same for what lies on this machine: also throws `input/usage` for a URL, as of arguments in the wrong order, without the password in it. */
export function givenLocalPath(text: string, what: string, workingDirectory: string): string {
  if (/^[a-z][a-z0-9+.-]*:\/\//iu.test(text)) {
    throw new AppError('input/usage', `${what} is a URL, "${shownAddress(text)}", and no path`, {
      hint: 'A destination stands behind what is backed up, and before what is restored; before a path that looks like a URL write "./"',
    });
  }
  return givenPath(text, what, workingDirectory);
}
