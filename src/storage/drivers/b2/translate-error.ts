import { AppError, type ErrorCode } from '../../../base/errors.ts';
import { type HttpResponse, statusError } from '../../network/http-client.ts';

interface Meaning {
  readonly code: ErrorCode;
  readonly text: string;
  readonly hint?: string;
}

/** The codes in the answers of the service (Backblaze, "Calling the API"). What is not here goes by its status. */
const meanings: Readonly<Record<string, Meaning>> = {
  unauthorized: {
    code: 'storage/access-denied',
    text: 'the application key does not give the right to do this',
    hint: 'It needs the capabilities listBuckets, listFiles, readFiles, writeFiles, and deleteFiles to remove anything, for this bucket and this path',
  },
  // What a fresh token cannot mend may pass.
  bad_auth_token: {
    code: 'storage/unavailable',
    text: 'the service does not accept its own token',
  },
  expired_auth_token: { code: 'storage/unavailable', text: 'the token has expired' },
  access_denied: {
    code: 'storage/access-denied',
    text: 'the service denies it',
    hint: 'The object may be locked by a retention time, or the account be suspended: look at it on the web site of Backblaze',
  },
  storage_cap_exceeded: {
    code: 'storage/out-of-space',
    text: 'the storage cap of the account is reached',
    hint: 'Raise it on the page "Caps & Alerts" of Backblaze, or delete something',
  },
  cap_exceeded: {
    code: 'storage/out-of-space',
    text: 'a cap of the account is reached',
    hint: 'Raise it on the page "Caps & Alerts" of Backblaze',
  },
  download_cap_exceeded: {
    code: 'storage/access-denied',
    text: "today's download cap of the account is reached",
    hint: 'Raise it on the page "Caps & Alerts" of Backblaze, or wait until midnight UTC',
  },
  transaction_cap_exceeded: {
    code: 'storage/access-denied',
    text: "today's cap for calls of the account is reached",
    hint: 'Raise it on the page "Caps & Alerts" of Backblaze, or wait until midnight UTC',
  },
  not_found: { code: 'storage/not-found', text: 'there is no such object' },
  no_such_file: { code: 'storage/not-found', text: 'there is no such object' },
  file_not_present: { code: 'storage/not-found', text: 'there is no such object' },
  bad_bucket_id: {
    code: 'storage/no-container',
    text: 'the bucket does not exist any more',
    hint: 'Make it on the web site of Backblaze, or add the option "create-bucket"',
  },
  duplicate_bucket_name: {
    code: 'storage/access-denied',
    text: 'the name of the bucket is taken, perhaps by somebody else',
    hint: 'Names of buckets are the same for all of Backblaze: choose another one',
  },
};

/** What the service said went wrong. */
export interface B2Refusal {
  /** As in its documentation: `expired_auth_token`. */
  readonly code: string;
  readonly status: number;
  readonly error: AppError;
}

/** Reads an answer that is not the wanted one to its end. */
export async function b2Refusal(response: HttpResponse, action: string): Promise<B2Refusal> {
  const { status } = response;
  const { code, message } = saidIn(await response.text());
  return { code, status, error: errorFor(response, action, code, message) };
}

function errorFor(response: HttpResponse, action: string, code: string, message: string): AppError {
  const base = statusError(response, action, message);
  const details = { ...base.details, ...(code !== '' && { b2: code }) };
  if (response.status === 400 && /checksum|sha1 did not match/iu.test(message)) {
    return new AppError('storage/unavailable', `Cannot ${action}: its bytes arrived changed`, {
      details,
    });
  }
  if (code === 'not_found' && /^bucket/iu.test(message)) return errorOf('bad_bucket_id');
  const known = Object.hasOwn(meanings, code);
  // An answer to HEAD says nothing; it comes from the host that the service named.
  if (known) return errorOf(code);
  if (base.code === 'storage/not-found' && message === '') return errorOf('not_found');
  if (base.code !== 'storage/not-found' && base.code !== 'storage/already-exists') return base;
  return new AppError(
    'storage/access-denied',
    `Cannot ${action}: the server answers with status ${response.status}`,
    { details, hint: 'Look at the endpoint: it must be that of the B2 API' },
  );

  function errorOf(name: string): AppError {
    const {
      code: ours,
      text,
      hint,
    } = meanings[name] ?? {
      code: base.code,
      text: base.message,
    };
    return new AppError(ours, `Cannot ${action}: ${text}`, {
      details,
      ...(hint !== undefined && { hint }),
    });
  }
}

function saidIn(text: string): { readonly code: string; readonly message: string } {
  let said: Readonly<Record<string, unknown>> | null = null;
  try {
    said = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
  } catch {
    // Not the service, but something on the way to it: the status has to do.
  }
  const code = said?.['code'];
  const message = said?.['message'];
  return {
    code: typeof code === 'string' ? code : '',
    message: typeof message === 'string' ? message : text,
  };
}
