import {
  AppError,
  type AppErrorOptions,
  type ErrorCode,
  hasCode,
  systemCodeOf,
} from '../../base/errors.ts';

/** Exit codes of duplicity that scripts and front ends look at. */
export const exitCodes = {
  generic: 1,
  commandLine: 2,
  hostnameMismatch: 3,
  interrupted: 4,
  unreadableManifest: 6,
  filelist: 7,
  badUrl: 8,
  badArchiveDirectory: 9,
  badSignKey: 10,
  restoreTargetExists: 11,
  verifyDirectoryMissing: 12,
  sourceMissing: 13,
  patternOutsideSource: 14,
  badPattern: 15,
  redundantInclude: 16,
  incrementalWithoutSignatures: 17,
  restorePathNotFound: 19,
  nothingToRestore: 20,
  volumeMismatch: 21,
  volumeNotSigned: 22,
  user: 23,
  exception: 30,
  gpgFailed: 31,
  sourceMismatch: 42,
  settingsMismatch: 45,
  pythonOptimize: 46,
  backend: 50,
  permissionDenied: 51,
  notFound: 52,
  outOfSpace: 53,
  absoluteFilesFrom: 72,
  emptyFilesFrom: 73,
} as const;

/** An error that ends the run with a code of duplicity's; `extra` stands behind the code in the machine log. */
export function fatal(
  exit: number,
  message: string,
  {
    extra,
    code = 'input/usage',
    ...options
  }: AppErrorOptions & { readonly extra?: string; readonly code?: ErrorCode } = {},
): AppError {
  return new AppError(code, message, {
    ...options,
    details: { ...options.details, exit, ...(extra !== undefined && { extra }) },
  });
}

/** A mistake on the command line, in the words of duplicity. */
export function commandLineError(message: string): AppError {
  return fatal(
    exitCodes.commandLine,
    `Command line error: ${message}\nEnter 'duplicity --help' for help screen.`,
  );
}

/** The exit code that duplicity would end with, and what stands behind it in the machine log. */
export function exitCodeOf(error: unknown): { readonly exit: number; readonly extra?: string } {
  if (!hasCode(error)) return { exit: exitCodes.exception, extra: nameOf(error) };
  const { exit, extra, missing, mismatch, signature } = error.details;
  if (typeof exit === 'number') {
    return typeof extra === 'string' ? { exit, extra } : { exit };
  }
  if (missing === 'signatures') return { exit: exitCodes.incrementalWithoutSignatures };
  if (missing === 'path') return { exit: exitCodes.restorePathNotFound };
  if (mismatch === 'host') return { exit: exitCodes.hostnameMismatch };
  if (mismatch === 'source') return { exit: exitCodes.sourceMismatch };
  if (mismatch === 'settings') return { exit: exitCodes.settingsMismatch };
  if (signature !== undefined) return { exit: exitCodes.volumeNotSigned };
  if (error.code === 'repository/damaged' && mismatch !== undefined) {
    return { exit: exitCodes.volumeMismatch };
  }
  // A directory that cannot be made, as in /proc, is not one that may not be used.
  if (error.code === 'storage/access-denied' && systemCodeOf(error.cause) === 'ENOENT') {
    return { exit: exitCodes.notFound };
  }
  if (error.details['gpg'] === true) return { exit: exitCodes.gpgFailed, extra: 'GPGError' };
  return { exit: byCode[error.code] ?? exitCodes.exception };
}

/** What can be done about an error here. The option that has a bucket or container made is one of our own commands, and a restore goes on only where it is told to. */
export function hintOf(error: AppError): string | undefined {
  const system = systemCodeOf(error.cause) ?? '';
  if (error.code === 'target/unwritable' && ['ENOSPC', 'EDQUOT'].includes(system)) {
    return 'Free some space and restore again, with --force because of what is there already';
  }
  if (error.code !== 'storage/no-container') return error.hint;
  return 'Make it first; look at its name, the endpoint and the region too';
}

const byCode: Readonly<Partial<Record<ErrorCode, number>>> = {
  'storage/not-found': exitCodes.notFound,
  'storage/access-denied': exitCodes.permissionDenied,
  'storage/out-of-space': exitCodes.outOfSpace,
  'storage/already-exists': exitCodes.backend,
  'storage/bad-range': exitCodes.backend,
  'storage/no-container': exitCodes.backend,
  'storage/untrusted': exitCodes.backend,
  'storage/unavailable': exitCodes.backend,
  'repository/wrong-passphrase': exitCodes.gpgFailed,
  'repository/locked': exitCodes.user,
  'snapshot/missing': exitCodes.nothingToRestore,
  'source/missing': exitCodes.sourceMissing,
  'target/refused': exitCodes.restoreTargetExists,
  'input/usage': exitCodes.commandLine,
  'input/invalid': exitCodes.commandLine,
  'local/unwritable': exitCodes.badArchiveDirectory,
  'process/failed': exitCodes.gpgFailed,
  interrupted: exitCodes.interrupted,
};

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'Error';
}
