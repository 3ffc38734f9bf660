import { AppError } from '../../../base/errors.ts';
import { type HttpResponse, statusError } from '../../network/http-client.ts';

/**
 * The error for an answer of Swift that is not the wanted one; reads the answer. What 404 means depends on the request, and is not decided
 * here.
 */
export async function swiftError(response: HttpResponse, action: string): Promise<AppError> {
  const { status } = response;
  const said = excerptOf(await response.text().catch(() => ''));
  const general = statusError(response, action, said);
  const { details } = general;
  const as = (code: AppError['code'], sentence: string, hint?: string): AppError =>
    new AppError(code, `Cannot ${action}: ${sentence}`, {
      details,
      ...(hint !== undefined && { hint }),
    });
  if (status === 403) {
    return as(
      'storage/access-denied',
      'the credentials do not give the right to do this',
      'The user needs a role that may write to the container, or its write ACL must name the user',
    );
  }
  // Old clusters refuse requests that come too often with 413.
  if (status === 413 && details['retryAfter'] !== undefined)
    return as('storage/unavailable', 'the server asks for a pause');
  if (status === 413) {
    return as(
      'storage/out-of-space',
      said === ''
        ? 'the quota is used up, or the object is too large'
        : `the server says "${said}"`,
      'Look at the quotas of account and container; "upload-cutoff" says above which size objects are stored in segments',
    );
  }
  if (status === 498) return as('storage/unavailable', 'the server asks for a pause');
  if (status === 422) return as('storage/unavailable', 'the bytes arrived damaged');
  if (status === 499) return as('storage/unavailable', 'the connection broke off');
  // What is in the way here are other writers of the same moment.
  if (status === 409) return as('storage/unavailable', 'another writer was at it');
  return general;
}

/** The container itself is not there. */
export function noContainer(action: string, container: string, cause?: unknown): AppError {
  return new AppError(
    'storage/no-container',
    `Cannot ${action}: there is no container "${container}"`,
    {
      hint: `Make it with "swift post ${container}", or give the option "create-container"`,
      ...(cause !== undefined && { cause }),
    },
  );
}

/** Swift answers in small pages of HTML. */
function excerptOf(text: string): string {
  return text
    .replaceAll(/<[^>]*>/gu, ' ')
    .replaceAll(/\s+/gu, ' ')
    .trim()
    .slice(0, 200);
}
