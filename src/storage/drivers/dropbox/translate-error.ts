import { AppError, type ErrorCode } from '../../../base/errors.ts';
import { type HttpResponse, statusError } from '../../network/http-client.ts';
import { notMissing } from '../../network/not-missing.ts';

export const signInHint =
  'Make a refresh token with "rclone authorize dropbox APP-KEY APP-SECRET" and give it by "refresh-token", with "app-key" and "app-secret"';

const permissions =
  'Grant the app files.metadata.read, files.content.read and files.content.write, and sign in again: permissions are part of the token';

/** What Dropbox's tags mean; an error has several, from the general to the special. The first line that matches counts. */
const meanings: readonly (readonly [tag: string, code: ErrorCode, text: string, hint?: string])[] =
  [
    ['too_many_requests', 'storage/unavailable', 'Dropbox gets too many requests'],
    [
      'too_many_write_operations',
      'storage/unavailable',
      'Dropbox gets too many requests that write',
    ],
    ['operation_suppressed', 'storage/unavailable', 'Dropbox does not do it just now'],
    ['internal_error', 'storage/unavailable', 'Dropbox reports an error of its own'],
    ['content_hash_mismatch', 'storage/unavailable', 'what arrived is not what was sent'],
    ['lookup_failed', 'storage/unavailable', 'Dropbox has lost the upload'],
    ['incorrect_offset', 'storage/unavailable', 'Dropbox has lost a part of the upload'],
    ['reset', 'storage/unavailable', 'the listing has to begin anew'],
    [
      'insufficient_space',
      'storage/out-of-space',
      'the Dropbox is full',
      'Free space there, or get more',
    ],
    ['file_ancestor', 'storage/access-denied', 'there is a file where its folder should be'],
    ['folder', 'storage/access-denied', 'there is a folder in its place'],
    ['conflict', 'storage/already-exists', 'it is already there'],
    ['not_found', 'storage/not-found', 'there is no such object'],
    ['not_file', 'storage/not-found', 'there is no such object'],
    ['not_folder', 'storage/not-found', 'there is no such folder'],
    ['restricted_content', 'storage/access-denied', 'Dropbox has blocked the file'],
    ['disallowed_name', 'input/invalid', 'Dropbox does not allow the name'],
    ['malformed_path', 'input/invalid', 'Dropbox does not allow the name'],
    ['no_write_permission', 'storage/access-denied', 'the folder is read-only'],
    ['team_folder', 'storage/access-denied', 'the folder belongs to a team'],
    ['missing_scope', 'storage/access-denied', 'the app has no permission for it', permissions],
    ['user_suspended', 'storage/access-denied', 'the account is suspended'],
    ['expired_access_token', 'storage/access-denied', 'the access token has expired', signInHint],
    [
      'invalid_access_token',
      'storage/access-denied',
      'the access token is not accepted',
      signInHint,
    ],
  ];

/** The error for an answer that is not the wanted one. Reads the answer. `action` reads like `store "packs/00"`. */
export async function dropboxError(response: HttpResponse, action: string): Promise<AppError> {
  const text = await response.text();
  const tags = tagsIn(parsed(text));
  const meaning = meanings.find(([tag]) => tags.includes(tag));
  const general = statusError(response, action, response.status === 400 ? text : '');
  if (meaning === undefined) return notMissing(general);
  const [tag, code, what, hint] = meaning;
  return new AppError(code, `Cannot ${action}: ${what}`, {
    details: { ...general.details, dropbox: tag },
    ...(hint !== undefined && { hint }),
  });
}

/** All values of `.tag` in the value and below. */
function tagsIn(value: unknown, depth = 0): readonly string[] {
  if (typeof value !== 'object' || value === null || depth > 6) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    name === '.tag' && typeof inner === 'string' ? [inner] : tagsIn(inner, depth + 1),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
