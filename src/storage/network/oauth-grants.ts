import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import { oneLine } from './one-line.ts';
import type { HttpClient, HttpResponse } from './http-client.ts';
import type { GrantedToken, TokenGrant } from './oauth.ts';
import type { OauthTokenFile } from './oauth-token-file.ts';
import { signInError } from './sign-in-error.ts';

/** The endpoint that gives tokens, and whom to name and ask when it does not. */
export interface TokenEndpoint {
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly url: string;
  /** For errors: `Dropbox`. */
  readonly service: string;
  /** How the user signs in again. */
  readonly signInHint: string;
}

export interface RefreshSettings {
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | undefined;
  /** The token itself, or the JSON text that `rclone authorize` prints. */
  readonly refreshToken?: string | undefined;
  readonly scope?: string | undefined;
  readonly tokenFile?: OauthTokenFile | undefined;
  readonly warn: (problem: AppError) => void;
}

/**
 * Access tokens by a refresh token (RFC 6749, section 6). A service that gives a new refresh token with an answer means the old one to
 * be forgotten: the new one is used from then on, and kept in the token file; where that fails, the user is warned once.
 */
export function refreshGrant(endpoint: TokenEndpoint, settings: RefreshSettings): TokenGrant {
  const { tokenFile } = settings;
  const configured = settings.refreshToken && refreshTokenIn(settings.refreshToken);
  let latest: string | undefined;
  let warned = false;

  const keep = async (token: string): Promise<void> => {
    latest = token;
    try {
      if (tokenFile === undefined) throw notKept(endpoint.service);
      await tokenFile.keep(token, configured);
      // Another program may replace the token meanwhile: the file is asked again.
      latest = undefined;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (!warned) settings.warn(error);
      warned = true;
    }
  };

  return async (options) => {
    const token = latest ?? (tokenFile ? await tokenFile.newest(configured) : configured);
    if (token === undefined) {
      throw new AppError(
        'input/usage',
        `There is no refresh token for ${endpoint.service} in the options or the token file`,
        { hint: endpoint.signInHint },
      );
    }
    const granted = await requestToken(
      endpoint,
      {
        grant_type: 'refresh_token',
        refresh_token: token,
        ...clientFields(settings),
        ...(settings.scope !== undefined && { scope: settings.scope }),
      },
      options,
    );
    const next = granted.refreshToken;
    if (next !== undefined && next !== token) await keep(next);
    return granted;
  };
}

/** Access tokens for the application itself, without a user (RFC 6749, section 4.4). */
export function clientCredentialsGrant(
  endpoint: TokenEndpoint,
  settings: Pick<RefreshSettings, 'clientId' | 'clientSecret' | 'scope'>,
): TokenGrant {
  return (options) =>
    requestToken(
      endpoint,
      {
        grant_type: 'client_credentials',
        ...clientFields(settings),
        ...(settings.scope !== undefined && { scope: settings.scope }),
      },
      options,
    );
}

/** Sends a form to the token endpoint. Rejects with `storage/access-denied` for a grant or a client that is not accepted. */
export async function requestToken(
  endpoint: TokenEndpoint,
  fields: Readonly<Record<string, string>>,
  options: CallOptions,
): Promise<GrantedToken & { readonly refreshToken?: string }> {
  const { http, clock, url, service } = endpoint;
  const action = `sign in to ${service}`;
  const response = await http.request({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams(fields).toString(),
    action,
    ...options,
  });
  const asked = clock.now();
  if (response.status !== 200) throw await refusal(response, endpoint, action);
  const answer = fieldsOf(await response.json());
  const { access_token: value, expires_in: life, refresh_token: refreshToken } = answer;
  if (typeof value !== 'string' || value === '') {
    throw new AppError('storage/unavailable', `Cannot ${action}: the answer holds no access token`);
  }
  const seconds = Number(life);
  return {
    value,
    ...(Number.isFinite(seconds) && seconds > 0 && { expires: asked + seconds * 1000 }),
    ...(typeof refreshToken === 'string' && refreshToken !== '' && { refreshToken }),
  };
}

async function refusal(
  response: HttpResponse,
  { service, signInHint }: TokenEndpoint,
  action: string,
): Promise<AppError> {
  const text = await response.text();
  const { error, error_description: description } = fieldsOf(parsed(text));
  const said = typeof description === 'string' ? ` (${oneLine(description, 200)})` : '';
  if (response.status < 500 && response.status !== 429) {
    if (error === 'invalid_grant' || error === 'interaction_required') {
      return new AppError(
        'storage/access-denied',
        `Cannot ${action}: the sign-in has expired, was revoked, or never was valid${said}`,
        { hint: signInHint },
      );
    }
    if (error === 'invalid_client' || error === 'unauthorized_client') {
      return new AppError(
        'storage/access-denied',
        `Cannot ${action}: the client id or client secret is not accepted${said}`,
        {
          hint: `Look at "client-id" and "client-secret": they must be those with which the refresh token for ${service} was made`,
        },
      );
    }
    if (error === 'invalid_scope' || error === 'invalid_request') {
      return new AppError('storage/access-denied', `Cannot ${action}: ${error}${said}`, {
        hint: signInHint,
      });
    }
  }
  return signInError(response, action, typeof description === 'string' ? description : '');
}

function clientFields({
  clientId,
  clientSecret,
}: Pick<RefreshSettings, 'clientId' | 'clientSecret'>): Readonly<Record<string, string>> {
  return {
    ...(clientId !== undefined && { client_id: clientId }),
    ...(clientSecret !== undefined && { client_secret: clientSecret }),
  };
}

/** The token in what the user pasted: rclone prints JSON around it. */
function refreshTokenIn(text: string): string {
  if (!text.trimStart().startsWith('{')) return text.trim();
  const { refresh_token: token } = fieldsOf(parsed(text));
  if (typeof token === 'string' && token !== '') return token;
  throw new AppError(
    'input/usage',
    'The JSON of the option "refresh-token" holds no refresh token',
  );
}

function notKept(service: string): AppError {
  return new AppError(
    'local/unwritable',
    `${service} has given a new refresh token, and there is no file to keep it in`,
    {
      hint: 'Name a file by the option "token-file": the configured token ceases to work some time after it was replaced',
    },
  );
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
