import { userInfo } from 'node:os';

import { AppError } from './errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The user's home directory: `HOME`, else what the system's list of users says; undefined for one who is not in it, as in a container that was given any number for its user. */
export function homeDirectory(environment: Environment): string | undefined {
  if (environment['HOME']) return environment['HOME'];
  try {
    return userInfo().homedir;
  } catch {
    // There is no other reason.
    return undefined;
  }
}

/** The same, where there has to be one. @throws AppError `input/usage` */
export function neededHomeDirectory(environment: Environment): string {
  const home = homeDirectory(environment);
  if (home !== undefined) return home;
  throw new AppError('input/usage', 'This user has no home directory', {
    hint: 'Set HOME to a directory that it may write to',
  });
}
