import { AppError, type ErrorCode } from '../../../base/errors.ts';
import { type HttpResponse, statusError } from '../../network/http-client.ts';
import { notMissing } from '../../network/not-missing.ts';

export const signInHint =
  'Use the JSON key of a service account ("service-account-file"), or make a refresh token with "rclone authorize drive CLIENT-ID CLIENT-SECRET"';

const wait: readonly [ErrorCode, string] = [
  'storage/unavailable',
  'Google Drive gets too many requests',
];

/** What the reasons in Drive's errors mean (https://developers.google.com/drive/api/guides/handle-errors). */
const meanings: Readonly<Record<string, readonly [code: ErrorCode, text: string, hint?: string]>> =
  {
    rateLimitExceeded: wait,
    userRateLimitExceeded: wait,
    sharingRateLimitExceeded: wait,
    dailyLimitExceeded: [
      'storage/unavailable',
      "the project's requests of this day are used up",
      'Raise the quota in the Google Cloud console, or go on tomorrow',
    ],
    backendError: ['storage/unavailable', 'Google Drive reports an error of its own'],
    internalError: ['storage/unavailable', 'Google Drive reports an error of its own'],
    storageQuotaExceeded: [
      'storage/out-of-space',
      'the Google Drive is full',
      'Empty the trash, free space, or get more; a service account has no space of its own: give it a shared drive ("googledrive-teamdrive-id") or a user ("subject")',
    ],
    teamDriveFileLimitExceeded: [
      'storage/out-of-space',
      'the shared drive holds as many files as it can',
    ],
    numChildrenInNonRootLimitExceeded: [
      'storage/out-of-space',
      'the folder holds as many files as it can',
    ],
    activeItemCreationLimitExceeded: [
      'storage/out-of-space',
      'the account holds as many files as it can',
    ],
    insufficientFilePermissions: [
      'storage/access-denied',
      'the account has no right to do it',
      'In a shared drive only managers delete for good: use "deletion=trash", or share the folder with more rights',
    ],
    insufficientParentPermissions: [
      'storage/access-denied',
      'the account may not write to the folder',
      'Share the folder with the account as an editor',
    ],
    insufficientPermissions: [
      'storage/access-denied',
      'the token was not made for it',
      'Sign in again with the scope "drive.file" (or "drive")',
    ],
    accessNotConfigured: [
      'storage/access-denied',
      'the Drive API is not enabled in the project of the client id',
      'Enable it in the Google Cloud console under "APIs & Services"',
    ],
    authError: ['storage/access-denied', 'the access token is not accepted', signInHint],
    cannotDownloadAbusiveFile: [
      'storage/access-denied',
      'Google takes the file for malware and does not give it out',
      'Its owner can fetch it from the web page of Google Drive',
    ],
    notFound: ['storage/not-found', 'there is no such object'],
  };

/** The error for an answer that is not the wanted one. Reads the answer. `action` reads like `store "packs/00"`. */
export async function driveError(response: HttpResponse, action: string): Promise<AppError> {
  const { reason, location, message } = detailsIn(await response.text());
  const general = statusError(response, action, message);
  if (location === 'pageToken')
    return new AppError('storage/unavailable', `Cannot ${action}: it has to begin anew`);
  const meaning = Object.hasOwn(meanings, reason) ? meanings[reason] : undefined;
  if (meaning === undefined) return notMissing(general);
  const [code, text, hint] = meaning;
  return new AppError(code, `Cannot ${action}: ${text}`, {
    details: { ...general.details, google: reason },
    ...(hint !== undefined && { hint }),
  });
}

interface ErrorBody {
  readonly error?: {
    readonly message?: string;
    readonly errors?: readonly { readonly reason?: string; readonly location?: string }[];
  };
}

function detailsIn(text: string): Readonly<Record<'reason' | 'location' | 'message', string>> {
  let body: ErrorBody | null;
  try {
    body = JSON.parse(text) as ErrorBody | null;
  } catch {
    body = null;
  }
  const first = body?.error?.errors?.[0];
  return {
    reason: first?.reason ?? '',
    location: first?.location ?? '',
    message: body?.error?.message ?? '',
  };
}
