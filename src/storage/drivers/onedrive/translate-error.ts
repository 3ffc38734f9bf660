import { AppError, type ErrorCode } from '../../../base/errors.ts';
import { type HttpResponse, statusError } from '../../network/http-client.ts';
import { notMissing } from '../../network/not-missing.ts';

export const signInHint =
  'Make a refresh token with "rclone authorize onedrive CLIENT-ID CLIENT-SECRET" and give it by "refresh-token", with "client-id" and "client-secret"';

const wait: readonly [ErrorCode, string] = [
  'storage/unavailable',
  'OneDrive gets too many requests',
];
const full = [
  'storage/out-of-space',
  'the drive is full',
  'Empty the recycle bin, free space, or get more',
] as const;
const name: readonly [ErrorCode, string] = ['input/invalid', 'OneDrive does not allow the name'];
const rights =
  'The app needs Files.ReadWrite (or Files.ReadWrite.AppFolder with "app-folder"), for sites and groups Sites.ReadWrite.All';

/** What the codes in errors of Microsoft Graph mean, in small letters (https://learn.microsoft.com/graph/errors). */
const meanings: Readonly<Record<string, readonly [code: ErrorCode, text: string, hint?: string]>> =
  {
    itemnotfound: ['storage/not-found', 'there is no such object'],
    namealreadyexists: ['storage/already-exists', 'it is already there'],
    activitylimitreached: wait,
    toomanyrequests: wait,
    throttledrequest: wait,
    servicenotavailable: ['storage/unavailable', 'OneDrive is not available just now'],
    generalexception: ['storage/unavailable', 'OneDrive reports an error of its own'],
    resourcelocked: ['storage/unavailable', 'somebody else is changing the file'],
    resourcemodified: ['storage/unavailable', 'somebody else has changed the file meanwhile'],
    preconditionfailed: ['storage/unavailable', 'somebody else has changed the file meanwhile'],
    resyncrequired: ['storage/unavailable', 'the listing has to begin anew'],
    uploadsessionnotfound: ['storage/unavailable', 'OneDrive has lost the upload'],
    invalidrange: ['storage/unavailable', 'OneDrive has lost a part of the upload'],
    quotalimitreached: full,
    insufficientstorage: full,
    pathtoolong: name,
    nametoolong: name,
    invalidname: name,
    accessdenied: ['storage/access-denied', 'the account has no right to do it', rights],
    authorization_requestdenied: ['storage/access-denied', 'the app has no right to do it', rights],
    invalidauthenticationtoken: [
      'storage/access-denied',
      'the access token is not accepted',
      signInHint,
    ],
    malwaredetected: ['storage/access-denied', 'OneDrive takes the file for malware'],
  };

/** The error for an answer that is not the wanted one. Reads the answer. `action` reads like `store "packs/00"`. */
export async function graphError(response: HttpResponse, action: string): Promise<AppError> {
  const { codes, message } = detailsIn(await response.text());
  const general = statusError(response, action, message);
  // The inner codes are the more exact ones.
  const known = codes.find((code) => Object.hasOwn(meanings, code));
  const meaning = known === undefined ? undefined : meanings[known];
  if (known === undefined || meaning === undefined) return notMissing(general);
  const [code, text, hint] = meaning;
  return new AppError(code, `Cannot ${action}: ${text}`, {
    details: { ...general.details, graph: known },
    ...(hint !== undefined && { hint }),
  });
}

interface ErrorBody {
  readonly code?: string;
  readonly message?: string;
  readonly innerError?: ErrorBody;
  readonly innererror?: ErrorBody;
}

function detailsIn(text: string): { readonly codes: readonly string[]; readonly message: string } {
  let error: ErrorBody | undefined;
  try {
    error = (JSON.parse(text) as { readonly error?: ErrorBody } | null)?.error;
  } catch {
    error = undefined;
  }
  const codes: string[] = [];
  for (let at = error, depth = 0; at !== undefined && depth < 5; depth++) {
    if (typeof at.code === 'string') codes.unshift(at.code.toLowerCase());
    at = at.innerError ?? at.innererror;
  }
  return { codes, message: error?.message ?? '' };
}
