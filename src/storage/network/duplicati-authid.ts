import type { Clock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import type { HttpClient } from './http-client.ts';
import type { TokenGrant } from './oauth.ts';
import { signInError } from './sign-in-error.ts';

/** The handler that Duplicati's users have their AuthID from, unless they run their own. */
export const duplicatiHandler = 'https://duplicati-oauth-handler.appspot.com/refresh';

/**
 * Access tokens by an AuthID: a handler that Duplicati's authors (or the user) run keeps the refresh token, and gives access tokens to
 * whoever shows the AuthID in the header `X-AuthID`. The answer is JSON: `access_token`, `expires` in seconds, and sometimes
 * `v2_authid`, which stands for the AuthID from then on.
 */
export function authIdGrant({
  http,
  clock,
  url,
  authId,
  service,
}: {
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly url: string;
  readonly authId: string;
  readonly service: string;
}): TokenGrant {
  const action = `get an access token for ${service} by the AuthID`;
  let current = authId;
  return async (options) => {
    const response = await http.request({
      method: 'GET',
      url,
      headers: { 'x-authid': current, accept: 'application/json' },
      action,
      ...options,
    });
    const reason = response.header('x-reason');
    if (response.status >= 400 && response.status < 500 && response.status !== 429) {
      await response.discard();
      throw new AppError(
        'storage/access-denied',
        `Cannot ${action}: the handler does not accept it${reason === undefined ? '' : ` (${reason.slice(0, 200)})`}`,
        {
          hint: `Make a new AuthID at ${new URL(url).origin}, or use "client-id" and "refresh-token" of your own`,
          details: { status: response.status },
        },
      );
    }
    if (response.status !== 200) {
      await response.discard();
      throw signInError(response, action, reason);
    }
    const answer = (await response.json()) as {
      readonly access_token?: unknown;
      readonly expires?: unknown;
      readonly v2_authid?: unknown;
    } | null;
    const value = answer?.access_token;
    if (typeof value !== 'string' || value === '')
      throw new AppError('storage/unavailable', `Cannot ${action}: the answer holds no token`);
    if (typeof answer?.v2_authid === 'string' && answer.v2_authid !== '')
      current = answer.v2_authid;
    const seconds = Number(answer?.expires);
    return {
      value,
      ...(Number.isFinite(seconds) && seconds > 0 && { expires: clock.now() + seconds * 1000 }),
    };
  };
}
