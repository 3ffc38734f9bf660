import { AppError } from '../../base/errors.ts';
import { type HttpResponse, statusError } from './http-client.ts';

/**
 * The error for an answer to a sign-in that is not the wanted one, by its status. It is about no object: a status that would otherwise say
 * that one is missing or there already must not pass for that in the call that needed the sign-in.
 */
export function signInError(response: HttpResponse, action: string, excerpt = ''): AppError {
  const error = statusError(response, action, excerpt);
  if (error.code === 'storage/access-denied' || error.code === 'storage/unavailable') return error;
  return new AppError(
    'storage/unavailable',
    `Cannot ${action}: the server answers with status ${response.status}`,
    { details: error.details, hint: 'Look at the address at which to sign in' },
  );
}
