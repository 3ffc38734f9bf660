import { AppError, type ErrorCode, messageOf, systemCodeOf } from './errors.ts';

/** An error on its way from another thread, which would lose all but its message. */
export interface ThreadFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, string | number | boolean>>;
  /** The system's name for what caused it: whoever gets it may look whether there is hope for what comes next. */
  readonly systemCode: string | undefined;
  readonly stack: string;
}

/** What is none of ours is `internal`. */
export function threadFailureOf(error: unknown): ThreadFailure {
  const message = messageOf(error);
  const ours =
    error instanceof AppError ? error : new AppError('internal', message, { cause: error });
  const { code, hint, details, cause } = ours;
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  return { code, message, hint, details, systemCode: systemCodeOf(cause), stack };
}

/** The error that it was, caused by what tells where it came from. */
export function threadErrorOf(failure: ThreadFailure): AppError {
  const { code, message, hint, details, systemCode, stack } = failure;
  const cause = Object.assign(
    new Error(stack),
    systemCode === undefined ? {} : { code: systemCode },
  );
  const options = { cause, details };
  return new AppError(code, message, hint === undefined ? options : { ...options, hint });
}
