import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import { reasonOfSystemCode } from '../../base/file-reason.ts';
import { quotePath } from '../../base/posix/system-error.ts';

const hints: Readonly<Record<string, string>> = {
  EACCES: 'Run as a user who may read it, or exclude it',
  EPERM: 'Run as a user who may read it, or exclude it',
  EIO: 'The disk has trouble: look at the system log before anything else',
  EUCLEAN: 'The file system is damaged: run its check program',
  ESTALE: 'The network file system lost it: mount it again',
};

/** What opening says when a file or directory has become a link, another kind of file, a socket. */
const replaced: ReadonlySet<string> = new Set(['ELOOP', 'ENOTDIR', 'ENXIO']);

/**
 * The problem with one thing below a source: `source/changed` if it disappeared or was replaced while it was looked
 * at, else `source/unreadable`.
 */
export function sourceProblem(action: string, path: Uint8Array, cause: unknown): AppError {
  const code = systemCodeOf(cause);
  if (code === 'ENOENT')
    return changedProblem(path, 'it disappeared while it was backed up', cause);
  if (code !== undefined && replaced.has(code)) {
    return changedProblem(path, 'it was replaced while it was backed up', cause);
  }
  const hint = code === undefined ? undefined : hints[code];
  const message = `Cannot ${action} ${quotePath(path)}: ${reasonOf(cause)}`;
  return new AppError(
    'source/unreadable',
    message,
    hint === undefined ? { cause } : { cause, hint },
  );
}

/** Something that is no longer what it was a moment before. */
export function changedProblem(path: Uint8Array, what: string, cause?: unknown): AppError {
  return new AppError('source/changed', `Cannot back up ${quotePath(path)}: ${what}`, { cause });
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EIO: 'the device reported a read error',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'the path is too long for this system',
};

function reasonOf(cause: unknown): string {
  const code = systemCodeOf(cause);
  return code === undefined
    ? messageOf(cause)
    : `${reasons[code] ?? reasonOfSystemCode(code) ?? 'error'} (${code})`;
}
