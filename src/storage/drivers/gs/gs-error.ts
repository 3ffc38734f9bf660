import { AppError, type ErrorCode } from '../../../base/errors.ts';
import { type HttpResponse, statusError } from '../../network/http-client.ts';

/** What the service says about a request that failed, whichever of its interfaces says it. */
export interface Complaint {
  /** `reason` of the JSON interface, `Code` of the XML interface; empty when there is none. */
  readonly reason: string;
  readonly message: string;
}

interface Meaning {
  readonly reasons: RegExp;
  readonly code: ErrorCode;
  readonly text: string;
  readonly hint?: string;
}

/** By reasons in both spellings. Source: Cloud Storage, "HTTP status and error codes for JSON" and "… for XML". */
const meanings: readonly Meaning[] = [
  {
    reasons: /^(?:userProjectMissing|UserProjectMissing|UserProjectMissingInvalidArgument)$/u,
    code: 'storage/access-denied',
    text: 'the requester pays in this bucket, and no project was named',
    hint: 'Name the project that pays with the option "user-project"',
  },
  {
    reasons: /^(?:retentionPolicyNotMet|RetentionPolicyNotMet)$/u,
    code: 'storage/access-denied',
    text: 'a retention policy protects the object',
    hint: 'It can be deleted or replaced when its time is over; keep snapshots at least that long',
  },
  {
    reasons: /^(?:objectUnderActiveHold|ObjectUnderActiveHold)$/u,
    code: 'storage/access-denied',
    text: 'somebody has put a hold on the object',
    hint: 'Release it with: gcloud storage objects update gs://BUCKET/OBJECT --no-temporary-hold --no-event-based-hold',
  },
  {
    reasons:
      /^(?:rateLimitExceeded|userRateLimitExceeded|backendError|internalError|SlowDown|TooManyRequests|InternalError|ServiceUnavailable|RequestTimeout|uploadBrokenConnection)$/u,
    code: 'storage/unavailable',
    text: 'the service asks for a pause',
  },
  {
    reasons: /^(?:quotaExceeded|dailyLimitExceeded|QuotaExceeded)$/u,
    code: 'storage/out-of-space',
    text: 'a quota of the project is used up',
    hint: 'Look at the quotas of the project in the console',
  },
  {
    reasons:
      /^(?:accountDisabled|UserDisabled|AccountProblem|BillingDisabled|accessNotConfigured)$/u,
    code: 'storage/access-denied',
    text: 'the project has no billing, or Cloud Storage is switched off in it',
    hint: 'Look at the billing of the project in the console',
  },
  {
    reasons: /^(?:SignatureDoesNotMatch|InvalidSecurity|InvalidAccessKeyId)$/u,
    code: 'storage/access-denied',
    text: 'the interoperability key is wrong',
    hint: 'Look at GS_ACCESS_KEY_ID and GS_SECRET_ACCESS_KEY; such keys are made in the console under "Settings", "Interoperability"',
  },
  {
    reasons: /^RequestTimeTooSkewed$/u,
    code: 'storage/access-denied',
    text: 'the clock of this machine is wrong',
    hint: 'Set the clock',
  },
  {
    reasons: /^BadDigest$/u,
    code: 'storage/unavailable',
    text: 'the bytes arrived damaged',
  },
];

/** The error for an answer that is not the wanted one, after its body was read. What 404 means is decided elsewhere. */
export function gsError(response: HttpResponse, action: string, said: Complaint): AppError {
  const general = statusError(response, action, said.message);
  const meaning =
    meanings.find(({ reasons }) => reasons.test(said.reason)) ??
    meanings.find(({ reasons }) => reasons.test(reasonIn(said.message)));
  if (meaning !== undefined) {
    return new AppError(meaning.code, `Cannot ${action}: ${meaning.text}`, {
      details: { ...general.details, reason: said.reason, said: said.message },
      ...(meaning.hint !== undefined && { hint: meaning.hint }),
    });
  }
  if (response.status !== 403) return general;
  return new AppError('storage/access-denied', general.message, {
    details: general.details,
    hint: 'The account needs the role "Storage Object User" (roles/storage.objectUser) for this bucket; to read only, "Storage Object Viewer"',
  });
}

export function noBucket(action: string, bucket: string): AppError {
  return new AppError(
    'storage/no-container',
    `Cannot ${action}: there is no bucket "${bucket}", or it may not be seen`,
    {
      hint: `Make it with "gcloud storage buckets create gs://${bucket}", or give the options "create-bucket" and "project"`,
    },
  );
}

/** Some reasons are as general as "required" or "invalid", and only the message says what is meant. */
function reasonIn(message: string): string {
  if (/requester pays/iu.test(message)) return 'userProjectMissing';
  if (/match calculated (?:MD5|CRC32C)/iu.test(message)) return 'BadDigest';
  if (/retention policy/iu.test(message)) return 'retentionPolicyNotMet';
  return /active (?:temporary|event-based) hold/iu.test(message) ? 'objectUnderActiveHold' : '';
}
