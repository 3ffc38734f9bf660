import { temporaryName } from '../../temporary-name.ts';

/** A new name in the directory of `path`, or above it if uploads to that one are changed. */
export function unfinishedBeside(path: string): string {
  const name = temporaryName();
  let directory = path.slice(0, path.lastIndexOf('/') + 1);
  while (isChangedByUpload(directory + name))
    directory = directory.slice(0, directory.lastIndexOf('/', directory.length - 2) + 1);
  return directory + name;
}

/** `serve restic` puts what lies directly in a directory "data" into directories of its own. */
export function isChangedByUpload(path: string): boolean {
  return /(?:^|\/)data\/[^/]{2,}$/u.test(path);
}
