import { AppError, type ErrorCode } from '../../../base/errors.ts';
import { statusCode } from './packet.ts';
import { hasStatus, SftpStatusError } from './status-error.ts';

interface Meaning {
  readonly code: ErrorCode;
  readonly text: string;
  readonly hint?: string;
}

const space = 'Free space there, raise the quota, or choose another destination';

/** What each answer means to a caller. What is not here may pass, so it is worth another attempt. */
const meanings: Readonly<Record<number, Meaning>> = {
  [statusCode.noSuchFile]: { code: 'storage/not-found', text: 'there is no such object' },
  [statusCode.permissionDenied]: {
    code: 'storage/access-denied',
    text: 'permission denied',
    hint: 'Look at the owner and the mode of the directory on the server, and whether this login may write',
  },
  [statusCode.unsupported]: {
    code: 'storage/access-denied',
    text: 'the server does not offer what it takes',
    hint: 'Look at what its configuration allows ("internal-sftp -P", "-R")',
  },
};

/**
 * An answer of the server as an `AppError`, with the original as its cause. What is no such answer is given back as it is. `action` reads
 * like `store "packs/00"`.
 */
export function translateError(error: unknown, action: string): unknown {
  if (!(error instanceof SftpStatusError)) return error;
  const meaning = meaningOf(error);
  return new AppError(
    meaning?.code ?? 'storage/unavailable',
    `Cannot ${action}: ${meaning?.text ?? `the server reports "${error.message}"`}`,
    {
      cause: error,
      details: { status: error.status },
      ...(meaning?.hint !== undefined && { hint: meaning.hint }),
    },
  );
}

/** The error for a full disk; most servers do not say that it is the reason of a failure. */
export function outOfSpace(cause: unknown, action: string): AppError {
  return new AppError('storage/out-of-space', `Cannot ${action}: no space is left on the server`, {
    cause,
    hint: space,
  });
}

/** The error for a file system that cannot be written to. */
export function readOnly(cause: unknown, action: string): AppError {
  return new AppError(
    'storage/access-denied',
    `Cannot ${action}: the file system of the server is read-only`,
    {
      cause,
      hint: 'Mount it so that it can be written to',
    },
  );
}

function meaningOf(error: SftpStatusError): Meaning | undefined {
  // Some servers put the text of the system's error into an answer that says no more than "failure".
  if (hasStatus(error, statusCode.failure)) {
    if (/no space|quota/iu.test(error.message))
      return { code: 'storage/out-of-space', text: 'no space is left on the server', hint: space };
    if (/read-only file system/iu.test(error.message))
      return { code: 'storage/access-denied', text: 'the file system of the server is read-only' };
  }
  return meanings[error.status];
}
