import { FTPError } from 'basic-ftp';

import { AppError, type ErrorCode } from '../../../base/errors.ts';
import { oneLine } from '../../network/one-line.ts';
import { translateNetworkError } from '../../network/network-error.ts';

/** The connection failed, and not the server's answer: what the library or the system said is the cause. */
export class ConnectionFailure extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'ConnectionFailure';
  }
}

interface Meaning {
  readonly code: ErrorCode;
  readonly text: string;
  readonly hint?: string;
}

const noSpace: Meaning = {
  code: 'storage/out-of-space',
  text: 'the server has no space for it',
  hint: 'Free space there, raise the quota or the largest size of a file, or choose another destination',
};
const passing: Meaning = {
  code: 'storage/unavailable',
  text: 'the server cannot do it just now',
};
const crowded: Meaning = {
  code: 'storage/unavailable',
  text: 'the server takes no more connections',
  hint: 'Lower the option "connections", or raise the number of connections that the server allows for one client',
};
const denied: Meaning = {
  code: 'storage/access-denied',
  text: 'the server denies it',
  hint: 'Look at the owner and the mode of the directory on the server, and at what it allows this user',
};

/** Whether an answer says that there are too many connections already: servers do so with 421 or, at the login, with 530. */
export function isCrowded(error: unknown): boolean {
  if (!(error instanceof FTPError)) return false;
  if (error.code === 421) return !/timeout|idle/iu.test(error.message);
  return error.code === 530 && /too many|maximum|already connected|limit/iu.test(error.message);
}

/**
 * A failure as an `AppError`, with the original as its cause. What comes neither from the server nor from the connection (an abort, a
 * body that breaks, a bug) is given back as it is. `action` reads like `store "packs/00"`.
 */
export function translateError(error: unknown, action: string): unknown {
  if (error instanceof AppError) return error;
  if (error instanceof ConnectionFailure) {
    const known = translateNetworkError(error.cause, action);
    if (known instanceof AppError) return known;
    return new AppError('storage/unavailable', `Cannot ${action}: the connection broke off`, {
      cause: error,
    });
  }
  if (!(error instanceof FTPError)) return error;
  const { code, text, hint } = meaningOf(error);
  return new AppError(code, `Cannot ${action}: ${text} (${saidIn(error)})`, {
    cause: error,
    details: { reply: error.code },
    ...(hint !== undefined && { hint }),
  });
}

/** What the server said, on one line. */
export function saidIn({ message }: { readonly message: string }): string {
  return oneLine(message, 200);
}

function meaningOf(error: FTPError): Meaning {
  const { code, message } = error;
  if (isCrowded(error)) return crowded;
  if (code === 452 || code === 552 || /quota|no space|disk full/iu.test(message)) return noSpace;
  if (code < 500) return passing;
  if (code === 530) return { ...denied, text: 'the server does not accept the login' };
  return denied;
}
