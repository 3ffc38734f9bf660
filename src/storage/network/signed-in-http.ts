import { AppError } from '../../base/errors.ts';
import type { Secret } from '../../base/secret.ts';
import type { DriverContext } from '../driver.ts';
import { AuthorizedHttp } from './authorized-http.ts';
import { authIdGrant } from './duplicati-authid.ts';
import { HttpClient } from './http-client.ts';
import { AccessTokens, type TokenGrant } from './oauth.ts';
import { refreshGrant, type TokenEndpoint } from './oauth-grants.ts';
import { checkedEndpoint } from './oauth-options.ts';
import { OauthTokenFile } from './oauth-token-file.ts';
import { tlsTrust } from './tls.ts';

/** Everything by which a user may sign in to a service. The first of them that is given is used, in the order in which they stand here. */
export interface SignIn {
  /** For errors: `Dropbox`. */
  readonly service: string;
  /** How the user signs in again. */
  readonly signInHint: string;
  readonly tokenUrl: string;
  /** Where tokens are sent to. */
  readonly endpoints: readonly string[];
  readonly caFile: string | undefined;
  /** Another way than those below, as a service account. */
  readonly grant?: ((endpoint: TokenEndpoint) => TokenGrant) | undefined;
  readonly clientId: string | undefined;
  readonly clientSecret: Secret | undefined;
  readonly refreshToken: Secret | undefined;
  readonly tokenFile: string | undefined;
  readonly scope?: string | undefined;
  readonly authId: Secret | undefined;
  readonly oauthUrl: string;
  /** Used at once, until the service refuses it. */
  readonly accessToken: Secret | undefined;
}

/** Connections to one server: calls are limited elsewhere, this only bounds what can go wrong. */
const mostConnections = 64;

/** A client for the service. Throws `input/usage` when nothing is given to sign in with; nothing is sent yet. */
export async function signedInHttp(
  signIn: SignIn,
  context: DriverContext,
): Promise<AuthorizedHttp> {
  const { service, signInHint, endpoints } = signIn;
  const trust = await tlsTrust(
    { 'ca-file': signIn.caFile, 'certificate-fingerprint': undefined },
    { host: '', port: 443, signal: context.signal },
  );
  const http = new HttpClient({
    trust,
    connections: mostConnections,
    environment: context.environment,
  });
  try {
    const grant = grantOf(signIn, http, context);
    if (grant === undefined && signIn.accessToken === undefined) {
      throw new AppError('input/usage', `There is nothing to sign in to ${service} with`, {
        hint: signInHint,
      });
    }
    const first = signIn.accessToken?.reveal();
    const tokens = new AccessTokens({ clock: context.clock, service, signInHint, first, grant });
    return new AuthorizedHttp(http, tokens, endpoints);
  } catch (error) {
    await http[Symbol.asyncDispose]();
    throw error;
  }
}

function grantOf(
  signIn: SignIn,
  http: HttpClient,
  { clock, warn }: DriverContext,
): TokenGrant | undefined {
  const { service, signInHint, authId, tokenFile } = signIn;
  const endpoint = { http, clock, url: signIn.tokenUrl, service, signInHint };
  if (signIn.grant !== undefined) return signIn.grant(endpoint);
  if (signIn.refreshToken !== undefined || tokenFile !== undefined) {
    return refreshGrant(endpoint, {
      clientId: signIn.clientId,
      clientSecret: signIn.clientSecret?.reveal(),
      refreshToken: signIn.refreshToken?.reveal(),
      scope: signIn.scope,
      tokenFile: tokenFile === undefined ? undefined : new OauthTokenFile(tokenFile),
      warn,
    });
  }
  if (authId === undefined) return undefined;
  const url = checkedEndpoint('oauth-url', signIn.oauthUrl);
  return authIdGrant({ http, clock, url, authId: authId.reveal(), service });
}
