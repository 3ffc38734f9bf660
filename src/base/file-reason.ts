import { messageOf, systemCodeOf } from './errors.ts';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  ENOTDIR: 'what should be a directory on the way is none',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  EEXIST: 'it is there already',
  ELOOP: 'its symbolic links lead in a circle',
  ENAMETOOLONG: 'the name is too long',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left',
  EDQUOT: 'the disk quota is used up',
  EIO: 'the device reports an error',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  ESTALE: 'the network file system has lost it',
  ENOTCONN: 'what serves the file system has gone',
  EUCLEAN: 'the file system is damaged',
  ENOKEY: 'it is encrypted, and its key is not there',
};

/** What an error of the system with this name says of a file, if that is known. */
export function reasonOfSystemCode(code: string): string | undefined {
  return reasons[code];
}

/** Why a file could not be read or written, for the end of a sentence: the system's own words name a call, and the file once more. */
export function fileReason(error: unknown): string {
  const code = systemCodeOf(error);
  return (code === undefined ? undefined : reasonOfSystemCode(code)) ?? messageOf(error);
}
