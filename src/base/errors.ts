import { errorNameOf } from './error-name.ts';

/**
 * What went wrong, in terms a caller can act on.
 *
 * One closed set of codes; one table that says what each means outside: the exit status of a command and whether trying
 * the same call again may help. The sentence is for people, the code for programs.
 */
const codes = {
  'storage/not-found': { exit: 1, retry: false },
  'storage/already-exists': { exit: 1, retry: false },
  'storage/access-denied': { exit: 1, retry: false },
  'storage/out-of-space': { exit: 1, retry: false },
  'storage/bad-range': { exit: 1, retry: false },
  /** The bucket, container, share or account that has to be there before anything can be stored. */
  'storage/no-container': { exit: 1, retry: false },
  /** The server could not prove who it is: host key, certificate. */
  'storage/untrusted': { exit: 1, retry: false },
  'storage/unavailable': { exit: 1, retry: true },
  'repository/missing': { exit: 10, retry: false },
  'repository/exists': { exit: 1, retry: false },
  'repository/occupied': { exit: 1, retry: false },
  'repository/wrong-passphrase': { exit: 12, retry: false },
  'repository/locked': { exit: 11, retry: false },
  'repository/damaged': { exit: 13, retry: false },
  'repository/unsupported': { exit: 1, retry: false },
  'repository/read-only': { exit: 1, retry: false },
  'repository/not-permitted': { exit: 1, retry: false },
  'snapshot/missing': { exit: 1, retry: false },
  'source/missing': { exit: 1, retry: false },
  'source/unreadable': { exit: 3, retry: false },
  'source/changed': { exit: 3, retry: false },
  'source/command-failed': { exit: 1, retry: false },
  'target/refused': { exit: 1, retry: false },
  'target/unwritable': { exit: 1, retry: false },
  'input/usage': { exit: 2, retry: false },
  'input/invalid': { exit: 2, retry: false },
  'local/unwritable': { exit: 1, retry: false },
  /** The record that was read has changed meanwhile. */
  'input/conflict': { exit: 1, retry: false },
  'process/failed': { exit: 1, retry: false },
  'catalog/unavailable': { exit: 1, retry: true },
  /** The key is not the one that the catalog was written with. */
  'catalog/locked-out': { exit: 1, retry: false },
  /** Damaged, or made by a newer version of the program. */
  'catalog/unusable': { exit: 1, retry: false },
  'job/missing': { exit: 1, retry: false },
  /** Another instance of the program does the same. */
  'job/busy': { exit: 11, retry: false },
  /** Nothing was done, on purpose: a condition did not hold, a hook said so (as `EX_TEMPFAIL` of sysexits). */
  'job/skipped': { exit: 75, retry: false },
  'database/unavailable': { exit: 1, retry: true },
  'database/unsupported': { exit: 1, retry: false },
  'database/failed': { exit: 1, retry: false },
  'container/unavailable': { exit: 1, retry: true },
  'container/failed': { exit: 1, retry: false },
  'notify/failed': { exit: 1, retry: true },
  'notify/refused': { exit: 1, retry: false },
  interrupted: { exit: 130, retry: false },
  internal: { exit: 1, retry: false },
} as const satisfies Record<string, { exit: number; retry: boolean }>;

export type ErrorCode = keyof typeof codes;

export interface AppErrorOptions {
  readonly cause?: unknown;
  /** What the user can do about it; one sentence. */
  readonly hint?: string;
  /** Values worth logging; never secrets. */
  readonly details?: Readonly<Record<string, string | number | boolean>>;
}

/** The one error type of the program: a code, a sentence that names what it happened to, and a hint. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, string | number | boolean>>;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }
}

/** True when `error` is an `AppError` with one of the codes (or with any, if none is given). */
export function hasCode(error: unknown, ...wanted: readonly ErrorCode[]): error is AppError {
  return error instanceof AppError && (wanted.length === 0 || wanted.includes(error.code));
}

/** The exit status of a command that ended with this error. */
export function exitStatusOf(error: unknown): number {
  return error instanceof AppError ? codes[error.code].exit : 1;
}

/** Whether the same call may succeed if it is made again later. */
export function isRetryable(error: unknown): boolean {
  return error instanceof AppError && codes[error.code].retry;
}

/** The sentence of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The system's error name (`ENOSPC`, `EACCES` …) of an error of `node:fs` and the like, if it has one. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const { code } = error;
  if (typeof code !== 'string') return undefined;
  // The library below Node does not know all errors of the system by name: not that a quota is used up, for one.
  const isNameless = code === 'UNKNOWN' || code.startsWith('Unknown system error');
  if (!isNameless || !('errno' in error) || typeof error.errno !== 'number') return code;
  return errorNameOf(Math.abs(error.errno));
}
