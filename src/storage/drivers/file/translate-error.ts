import { AppError, type ErrorCode, systemCodeOf } from '../../../base/errors.ts';

const space = 'Free space there, raise the quota, or choose another destination';
const access =
  'Look at the owner and the mode of the directory, and whether it is mounted read-only';

/** What each system error means to a caller. What is not here may pass, so it is worth another attempt. */
const meanings: Readonly<
  Record<string, { readonly code: ErrorCode; readonly text: string; readonly hint?: string }>
> = {
  ENOENT: { code: 'storage/not-found', text: 'there is no such object' },
  ENOTDIR: { code: 'storage/not-found', text: 'there is no such object' },
  EEXIST: { code: 'storage/already-exists', text: 'it is already there' },
  ENOSPC: { code: 'storage/out-of-space', text: 'no space is left', hint: space },
  EDQUOT: { code: 'storage/out-of-space', text: 'the disk quota is used up', hint: space },
  EFBIG: {
    code: 'storage/out-of-space',
    text: 'the file would be larger than is allowed there',
    hint: space,
  },
  EACCES: { code: 'storage/access-denied', text: 'permission denied', hint: access },
  EPERM: { code: 'storage/access-denied', text: 'the operation is not permitted', hint: access },
  EROFS: { code: 'storage/access-denied', text: 'the file system is read-only', hint: access },
  ELOOP: {
    code: 'storage/access-denied',
    text: 'it is a symbolic link, and those are not followed',
  },
  EISDIR: { code: 'storage/access-denied', text: 'a directory is in its place' },
  ENAMETOOLONG: { code: 'input/invalid', text: 'the name is too long for this file system' },
  EINVAL: { code: 'input/invalid', text: 'the file system does not accept it' },
  EIO: {
    code: 'storage/unavailable',
    text: 'the device reports an error',
    hint: 'Look at the system log: the disk may be failing',
  },
  ESTALE: { code: 'storage/unavailable', text: 'the network file system has forgotten the file' },
  EMFILE: { code: 'storage/unavailable', text: 'too many files are open' },
  ENFILE: { code: 'storage/unavailable', text: 'too many files are open' },
};

/**
 * An error of a system call as an `AppError`, with the original as its cause. What does not come from the system (a bug, an abort,
 * an `AppError`) is given back as it is. `action` reads like `store "packs/00"`.
 */
export function translateError(error: unknown, action: string): unknown {
  if (error instanceof AppError) return error;
  const code = systemCodeOf(error);
  if (code === undefined || !isSystemError(error)) return error;
  const meaning = meanings[code];
  return new AppError(
    meaning?.code ?? 'storage/unavailable',
    `Cannot ${action}: ${meaning?.text ?? `the system reports ${code}`}`,
    {
      cause: error,
      details: { system: code },
      ...(meaning?.hint !== undefined && { hint: meaning.hint }),
    },
  );
}

/** Errors of system calls carry the call; those of Node itself (`ERR_…`) do not. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
