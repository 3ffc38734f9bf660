import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import { reasonOfSystemCode } from '../../base/file-reason.ts';
import { quotePath } from '../../base/posix/system-error.ts';

/** What could not be made as the snapshot has it. Nothing of this kind is ever dropped silently. */
export type TargetAspect =
  | 'entry'
  | 'content'
  | 'owner'
  | 'mode'
  | 'times'
  | 'extended-attribute'
  | 'file-flags';

/** One thing the target does not hold, and why. */
export interface TargetProblem {
  /** Below the target's root. */
  readonly path: Uint8Array;
  readonly what: TargetAspect;
  readonly error: AppError;
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted, or the file system cannot hold it',
  ENOTSUP: 'the file system cannot hold it',
  EOPNOTSUPP: 'the file system cannot hold it',
  ENOTDIR: 'it is not a directory',
  ENOSPC: 'no space left',
  EDQUOT: 'the quota is used up',
  EROFS: 'the file system is read-only',
  EINVAL: 'the file system does not accept it',
  ENAMETOOLONG: 'the name is too long for the file system',
  EILSEQ: 'the file system does not accept such a name',
  EFBIG: 'the file is too large for the file system',
  ELOOP: 'a symbolic link is in the way',
};

const hints: Readonly<Record<string, string>> = {
  EPERM: 'Owners, devices and some attributes can only be restored by root',
  ENOSPC: 'Free some space and restore again: it continues where it stopped',
  EDQUOT: 'Free some space and restore again: it continues where it stopped',
};

/** `target/unwritable` with a sentence that names the path and what was attempted. */
export function targetError(action: string, path: Uint8Array, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const code = systemCodeOf(cause);
  const reason =
    code === undefined
      ? messageOf(cause)
      : `${reasons[code] ?? reasonOfSystemCode(code) ?? 'error'} (${code})`;
  const hint = code === undefined ? undefined : hints[code];
  const message = `Cannot ${action} ${quotePath(path)}: ${reason}`;
  return new AppError(
    'target/unwritable',
    message,
    hint === undefined ? { cause } : { cause, hint },
  );
}

/** `target/refused`: what would touch something outside the target, or something that is in the way. */
export function refusal(
  path: Uint8Array,
  reason: string,
  options?: { readonly hint: string },
): AppError {
  const message = `Refused to restore ${quotePath(path)}: ${reason}`;
  return new AppError('target/refused', message, options);
}
