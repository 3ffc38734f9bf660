import { AppError, type ErrorCode, messageOf } from '../../base/errors.ts';

/** An error on its way from another thread, which would lose all but its message. */
export interface ThreadFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, string | number | boolean>>;
  readonly stack: string;
}

/** `otherwise`: what is said where the error is none of ours. */
export function threadFailureOf(error: unknown, otherwise: string): ThreadFailure {
  const { code, hint, details } =
    error instanceof AppError ? error : new AppError('internal', otherwise);
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  return { code, message: messageOf(error), hint, details, stack };
}

/** The error that it was, caused by what tells where it came from. */
export function errorOf({ code, message, hint, details, stack }: ThreadFailure): AppError {
  const options = { cause: new Error(stack), details };
  return new AppError(code, message, hint === undefined ? options : { ...options, hint });
}
