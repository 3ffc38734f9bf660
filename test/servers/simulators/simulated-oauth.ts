import { createVerify } from 'node:crypto';

import type { DurableMap } from './journal.ts';
import { type Answer, type Call, Refusal, type Simulator } from './simulator.ts';

/** The account of all simulators. */
export const simulatedAccount = {
  clientId: 'simulated-client',
  clientSecret: 'simulated-client-secret',
  refreshToken: 'simulated-refresh-token-0',
  /** Never expires, as the tokens that Dropbox once gave out. */
  accessToken: 'simulated-lasting-access-token',
  authId: 'simulated-authid',
} as const;

interface Token {
  readonly expires: number;
}

/** The token endpoint and the look at tokens. */
export class SimulatedOauth {
  readonly #simulator: Simulator;
  readonly #tokens: DurableMap<Token>;
  readonly #refresh: DurableMap<{ readonly valid: boolean }>;
  readonly #publicKey: string | undefined;

  /** `publicKey`: of the service account, where the service has those. */
  constructor(simulator: Simulator, publicKey?: string) {
    this.#simulator = simulator;
    this.#publicKey = publicKey;
    this.#tokens = simulator.journal.map('tokens');
    this.#refresh = simulator.journal.map('refresh');
    if (this.#refresh.size === 0) this.#refresh.set(simulatedAccount.refreshToken, { valid: true });
  }

  /** What is wrong with the token of a call; `undefined` when it is good. */
  problemOf(call: Call): 'missing' | 'invalid' | 'expired' | undefined {
    const token = /^Bearer (.+)$/u.exec(call.header('authorization'))?.[1];
    if (token === undefined) return 'missing';
    if (token === simulatedAccount.accessToken) return undefined;
    if (this.#simulator.control.expireTokens === true) {
      for (const [key] of this.#tokens.entries()) this.#tokens.set(key, { expires: 0 });
      this.#simulator.control.expireTokens = false;
    }
    const known = this.#tokens.get(token);
    if (known === undefined) return 'invalid';
    return known.expires < Date.now() ? 'expired' : undefined;
  }

  /** `POST` of a form to the token endpoint. */
  token(call: Call): Answer {
    if (call.method !== 'POST') return { status: 405 };
    if (!call.header('content-type').startsWith('application/x-www-form-urlencoded'))
      throw oauthError('invalid_request', 'The body is no form');
    const form = new URLSearchParams(call.body.toString('utf8'));
    this.#simulator.count('token requests');
    switch (form.get('grant_type')) {
      case 'refresh_token':
        return this.#refreshed(form);
      case 'client_credentials':
        this.#checkClient(form);
        return this.#granted();
      case 'urn:ietf:params:oauth:grant-type:jwt-bearer':
        return this.#asserted(call, form.get('assertion') ?? '');
      default:
        throw oauthError('unsupported_grant_type', 'Unknown grant type');
    }
  }

  /** Duplicati's handler: `GET` with the header `X-AuthID`. */
  authId(call: Call): Answer {
    if (call.header('x-authid') !== simulatedAccount.authId)
      return {
        status: 404,
        headers: { 'x-reason': 'No such key' },
        body: { error: 'No such key' },
      };
    return { status: 200, body: { access_token: this.#issue(), expires: this.#life } };
  }

  get #life(): number {
    return this.#simulator.control.tokenLife ?? 3600;
  }

  #refreshed(form: URLSearchParams): Answer {
    this.#checkClient(form);
    const token = form.get('refresh_token') ?? '';
    const known = this.#refresh.get(token);
    if (known?.valid !== true || this.#simulator.control.revoked === true)
      throw oauthError('invalid_grant', 'The refresh token is invalid or was revoked');
    if (this.#simulator.control.rotate !== true) return this.#granted();
    const next = `simulated-refresh-token-${this.#refresh.size}`;
    this.#refresh.set(token, { valid: false });
    this.#refresh.set(next, { valid: true });
    return this.#granted(next);
  }

  #asserted(call: Call, assertion: string): Answer {
    const [header = '', payload = '', signature = ''] = assertion.split('.');
    const decoded = (part: string): Record<string, unknown> =>
      JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, unknown>;
    const isSigned =
      this.#publicKey !== undefined &&
      createVerify('RSA-SHA256')
        .update(`${header}.${payload}`)
        .verify(this.#publicKey, Buffer.from(signature, 'base64url'));
    if (!isSigned || decoded(header)['alg'] !== 'RS256')
      throw oauthError('invalid_grant', 'Invalid JWT Signature.');
    const { iss, aud, exp, iat, scope, sub } = decoded(payload);
    const now = Date.now() / 1000;
    const wrong =
      typeof iss !== 'string' ||
      typeof scope !== 'string' ||
      aud !== `${call.origin}${call.url.pathname}` ||
      Number(exp) < now ||
      Number(iat) > now + 300 ||
      Number(exp) - Number(iat) > 3600;
    if (wrong) throw oauthError('invalid_grant', 'Invalid JWT: a claim is wrong');
    if (sub !== undefined && sub !== 'somebody@example.org')
      throw oauthError('unauthorized_client', 'Client is unauthorized to retrieve access tokens');
    return this.#granted();
  }

  #checkClient(form: URLSearchParams): void {
    const right =
      form.get('client_id') === simulatedAccount.clientId &&
      form.get('client_secret') === simulatedAccount.clientSecret;
    if (!right) throw oauthError('invalid_client', 'The client is not known', 401);
  }

  #granted(refreshToken?: string): Answer {
    return {
      status: 200,
      body: {
        access_token: this.#issue(),
        token_type: 'bearer',
        expires_in: this.#life,
        ...(refreshToken !== undefined && { refresh_token: refreshToken }),
      },
    };
  }

  #issue(): string {
    const token = `simulated-access-token-${this.#tokens.size}`;
    this.#tokens.set(token, { expires: Date.now() + this.#life * 1000 });
    return token;
  }
}

function oauthError(error: string, description: string, status = 400): Refusal {
  return new Refusal({ status, body: { error, error_description: description } });
}

/** The URL of a destination on a simulator, with all that is needed to sign in. */
export function simulatedUrl(
  start: string,
  {
    port,
    refreshToken = simulatedAccount.refreshToken,
    options = {},
  }: {
    readonly port: number;
    readonly refreshToken?: string | undefined;
    readonly options?: Readonly<Record<string, string>>;
  },
): string {
  const { clientId, clientSecret } = simulatedAccount;
  const query = new URLSearchParams({
    endpoint: `http://127.0.0.1:${port}`,
    'client-id': clientId,
    'client-secret': clientSecret,
    'refresh-token': refreshToken,
    ...options,
  });
  return `${start}?${query.toString().replaceAll('+', '%20')}`;
}
