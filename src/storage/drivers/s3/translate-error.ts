import { AppError, type ErrorCode } from '../../../base/errors.ts';
import { translateNetworkError } from '../../network/network-error.ts';

/** What a failure happened to. */
export interface FailedCall {
  /** As in `Cannot store "a"`: `store "a"`. */
  readonly action: string;
  readonly bucket: string;
  readonly location: string;
  /** Our time, milliseconds since 1970. */
  readonly now: number;
}

interface Meaning {
  readonly code: ErrorCode;
  readonly text: string;
  readonly hint?: string;
}

const key =
  'Look at the options "access-key-id" and "secret-access-key", and whether the key is still active';

const denied: Meaning = {
  code: 'storage/access-denied',
  text: 'the service denies it to this key',
  hint: 'The key needs s3:ListBucket on the bucket and s3:GetObject, s3:PutObject and s3:DeleteObject on what is in it; a locked object is not deleted before its time',
};

const full: Meaning = {
  code: 'storage/out-of-space',
  text: 'the quota is used up',
  hint: 'Remove snapshots and prune, or raise the quota',
};

const busy: Meaning = { code: 'storage/unavailable', text: 'the service asks for fewer requests' };

const failing: Meaning = { code: 'storage/unavailable', text: 'the service has failed' };

const missing: Meaning = { code: 'storage/not-found', text: 'there is no such object' };

const notMade: Meaning = {
  code: 'storage/no-container',
  text: 'there is no such bucket',
  hint: 'Make the bucket first, or say "create-bucket=yes" to have it made; look at its name, the endpoint and the region too',
};

/** By the code of the service's answer. */
const meanings: Readonly<Record<string, Meaning>> = {
  NoSuchBucket: notMade,
  NoSuchKey: missing,
  NotFound: missing,
  NoSuchUpload: { code: 'storage/unavailable', text: 'somebody has aborted the upload' },
  InvalidPart: { code: 'storage/unavailable', text: 'the service has lost a part of the upload' },
  AccessDenied: denied,
  AllAccessDisabled: denied,
  AccountProblem: { ...denied, text: 'the account has a problem', hint: 'Ask the service' },
  UserSuspended: { ...denied, text: 'the account is suspended', hint: 'Ask the service' },
  InvalidAccessKeyId: {
    code: 'storage/access-denied',
    text: 'the service does not know the access key',
    hint: key,
  },
  SignatureDoesNotMatch: {
    code: 'storage/access-denied',
    text: 'the secret key does not belong to the access key',
    hint: key,
  },
  InvalidToken: {
    code: 'storage/access-denied',
    text: 'the session token is not accepted',
    hint: 'Temporary keys need their own token, and all three must come from the same place',
  },
  ExpiredToken: {
    code: 'storage/access-denied',
    text: 'the session token has expired',
    hint: 'Log in again, or use a key that lasts',
  },
  PreconditionFailed: { code: 'storage/already-exists', text: 'it is already there' },
  ConditionalRequestConflict: {
    code: 'storage/unavailable',
    text: 'somebody else is storing it at the same time',
  },
  OperationAborted: { code: 'storage/unavailable', text: 'somebody else is changing the bucket' },
  InvalidRange: { code: 'storage/bad-range', text: 'the range does not lie inside the object' },
  QuotaExceeded: full,
  QuotaExceededException: full,
  XMinioStorageFull: { ...full, text: 'the storage is full' },
  InsufficientStorage: { ...full, text: 'the storage is full' },
  ServiceQuotaExceededException: full,
  SlowDown: busy,
  SlowDownRead: busy,
  SlowDownWrite: busy,
  TooManyRequests: busy,
  TooManyRequestsException: busy,
  ThrottlingException: busy,
  RequestLimitExceeded: busy,
  ServiceUnavailable: busy,
  InternalError: failing,
  RequestTimeout: { code: 'storage/unavailable', text: 'the request took too long to arrive' },
  IncompleteBody: { code: 'storage/unavailable', text: 'not all of it arrived' },
  BadDigest: { code: 'storage/unavailable', text: 'it was changed on its way' },
  XAmzContentSHA256Mismatch: { code: 'storage/unavailable', text: 'it was changed on its way' },
  InvalidObjectState: {
    code: 'storage/access-denied',
    text: 'it is in cold storage, and must be restored first',
    hint: 'Have the service restore it (aws s3api restore-object), or use a storage class that can be read at once',
  },
  InvalidStorageClass: {
    code: 'input/usage',
    text: 'the service does not know the storage class',
    hint: 'Look at the option "storage-class"',
  },
  EntityTooLarge: { code: 'storage/out-of-space', text: 'the object is larger than is allowed' },
  KeyTooLongError: { code: 'input/invalid', text: 'the name is too long for the service' },
  InvalidBucketName: {
    code: 'input/usage',
    text: 'the service does not accept the name of the bucket',
    hint: 'A server needs its port to be told from a bucket: s3://HOST:443/BUCKET',
  },
  NotImplemented: { code: 'storage/access-denied', text: 'the service cannot do that' },
  ObjectLockConfigurationNotFoundError: {
    code: 'input/usage',
    text: 'object lock is not switched on for the bucket',
    hint: 'It can only be switched on when the bucket is made; leave "lock-mode" out otherwise',
  },
  CredentialsProviderError: {
    code: 'storage/access-denied',
    text: 'no key has been given, and none was found',
    hint: 'Set "access-key-id" and "secret-access-key", AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile (aws configure, aws sso login)',
  },
  TokenProviderError: {
    code: 'storage/access-denied',
    text: 'the login of the profile has expired',
    hint: 'Log in again with "aws sso login"',
  },
};

/** Where an answer has no body, as those to HEAD, its status must do. */
function byStatus(status: number): Meaning {
  if (status === 401 || status === 403) return denied;
  if (status === 404) {
    return {
      code: 'storage/unavailable',
      text: 'the server answers with status 404, and does not say what is missing',
      hint: 'Look at the endpoint: it must be that of an S3 service',
    };
  }
  if (status === 412) return { code: 'storage/already-exists', text: 'it is already there' };
  if (status === 416) return { code: 'storage/bad-range', text: 'the range does not lie inside' };
  if (status === 429 || status === 503) return busy;
  if (status === 507) return { ...full, text: 'the storage is full' };
  if (status === 408 || status >= 500) return failing;
  return { code: 'storage/access-denied', text: `the service answers with status ${status}` };
}

/** What is read of an error of the SDK, whatever its class. */
interface ServiceError extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
  readonly Region?: string;
  readonly Endpoint?: string;
}

/**
 * A failure of the SDK as an `AppError`, with the original as its cause; an `AppError` is given back as it is. What the service says in
 * words is not repeated where its code is known: some put the key into it.
 */
export function translateError(error: unknown, call: FailedCall): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error;
  const { action, bucket } = call;
  const failure: ServiceError = error;
  const status = failure.$metadata?.httpStatusCode;
  // So the SDK calls every 404 without a reason: any web server says that, and a proxy whose service is down.
  const isUnsaid = error.name === 'NotFound' && !isFromService(error);
  const known = Object.hasOwn(meanings, error.name) && !isUnsaid ? meanings[error.name] : undefined;
  if (error.name === 'RequestTimeTooSkewed') return skewed(failure, call);
  if (isWrongRegion(error)) return wrongRegion(failure, call);
  if (known === undefined && status === undefined) return translateNetworkError(error, action);
  if (known === undefined && error.name.includes('StorageClass'))
    return described(meanings['InvalidStorageClass'] ?? failing, error, call);
  const meaning = known ?? byStatus(status ?? 500);
  if (meaning === notMade)
    return described({ ...notMade, text: `there is no bucket "${bucket}"` }, error, call);
  return described(known === undefined ? withWords(meaning, error) : meaning, error, call);
}

/** The region in which the bucket is, when the failure is that it is elsewhere and the service says where. */
export function regionToldBy(error: unknown): string | undefined {
  if (!(error instanceof Error) || !isWrongRegion(error)) return undefined;
  const { Region: region, $response }: ServiceError = error;
  return region ?? $response?.headers?.['x-amz-bucket-region'] ?? undefined;
}

/** Whether an answer leaves open why: one to HEAD says no more than its status. */
export function saysNothing(error: unknown): boolean {
  return (
    error instanceof Error &&
    '$metadata' in error &&
    (!Object.hasOwn(meanings, error.name) || error.name === 'NotFound') &&
    !isWrongRegion(error)
  );
}

/** The status of the answer, if there was one. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { $metadata }: ServiceError = error;
  return $metadata?.httpStatusCode;
}

/** Whether an answer without a body is one of the service, and not of something before it. */
export function isFromService(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { $metadata }: ServiceError = error;
  return $metadata?.requestId !== undefined;
}

function isWrongRegion(error: Error): boolean {
  if (error.name === 'PermanentRedirect' || error.name === 'TemporaryRedirect') return true;
  const { Region: region, $response }: ServiceError = error;
  const told = region ?? $response?.headers?.['x-amz-bucket-region'];
  const status = statusOf(error);
  if (error.name === 'AuthorizationHeaderMalformed') return told !== undefined;
  return (
    told !== undefined &&
    (status === 301 || (status === 400 && !Object.hasOwn(meanings, error.name)))
  );
}

function wrongRegion(error: ServiceError, call: FailedCall): AppError {
  const region = regionToldBy(error);
  const hint =
    region === undefined
      ? `Name the region with the option "region"${error.Endpoint === undefined ? '' : `; the service names the host ${error.Endpoint}`}`
      : `Set the option "region" to ${region}`;
  const text = `the bucket "${call.bucket}" is in another region`;
  return described({ code: 'storage/access-denied', text, hint }, error, call);
}

function skewed(error: ServiceError, call: FailedCall): AppError {
  const said = error.$response?.headers?.['date'];
  const server = said === undefined ? Number.NaN : Date.parse(said);
  const minutes = Math.round((call.now - server) / 60_000);
  const by = Number.isNaN(minutes)
    ? 'is wrong'
    : `is ${Math.abs(minutes)} minutes ${minutes > 0 ? 'ahead of' : 'behind'} the one of the service`;
  const hint = 'Set the clock, and keep it right with NTP';
  const text = `the clock of this machine ${by}`;
  return described({ code: 'storage/access-denied', text, hint }, error, call);
}

/** An answer that is not known may say something useful. */
function withWords(meaning: Meaning, error: Error): Meaning {
  const words = error.message.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
  const said = [error.name, words].filter((text) => !/^(?:Unknown.*|Error|)$/u.test(text));
  return said.length === 0
    ? meaning
    : { ...meaning, text: `${meaning.text} (${said.join(': ').slice(0, 200)})` };
}

function described(meaning: Meaning, error: ServiceError, { action }: FailedCall): AppError {
  const status = error.$metadata?.httpStatusCode;
  const asked = Number(error.$response?.headers?.['retry-after'] ?? Number.NaN);
  return new AppError(meaning.code, `Cannot ${action}: ${meaning.text}`, {
    cause: error,
    ...(meaning.hint !== undefined && { hint: meaning.hint }),
    details: {
      answer: error.name,
      ...(status !== undefined && { status }),
      ...(asked >= 0 && { retryAfter: asked * 1000 }),
    },
  });
}
