import { readFile } from 'node:fs/promises';

import type { Clock } from '../../../base/clock.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, messageOf } from '../../../base/errors.ts';
import type { Secret } from '../../../base/secret.ts';
import type { HttpClient, HttpRequest } from '../../network/http-client.ts';
import { SharedResult } from '../../network/shared-result.ts';
import { signInError } from '../../network/sign-in-error.ts';

/** Who asks Entra ID for a token. */
export type Identity =
  | {
      readonly kind: 'client-secret';
      readonly authority: string;
      readonly tenant: string;
      readonly client: string;
      readonly secret: Secret;
    }
  | {
      readonly kind: 'workload';
      readonly authority: string;
      readonly tenant: string;
      readonly client: string;
      /** File with the token of the platform (Kubernetes); read each time, as it is exchanged now and then. */
      readonly file: string;
    }
  | {
      readonly kind: 'managed';
      readonly client: string | undefined;
      /** Where App Service and Container Apps give tokens; virtual machines have a fixed address. */
      readonly endpoint: { readonly url: string; readonly header: string } | undefined;
    };

export interface Token {
  readonly value: string;
  /** Of the clock that never jumps, in milliseconds. */
  readonly until: number;
}

const scope = 'https://storage.azure.com';
const machineEndpoint = 'http://169.254.169.254/metadata/identity/oauth2/token';

/** A token is exchanged so long before its end. */
const margin = 5 * 60_000;

/** Tokens of Entra ID for the Blob service, each used until shortly before it ends. */
export class TokenCredential {
  readonly #identity: Identity;
  readonly #client: HttpClient;
  readonly #clock: Clock;
  readonly #token = new SharedResult(() => this.#fetch());

  constructor(identity: Identity, client: HttpClient, clock: Clock) {
    this.#identity = identity;
    this.#client = client;
    this.#clock = clock;
  }

  /** A token that has not ended. Rejects with `storage/access-denied` when none is given. */
  async token(options: CallOptions = {}): Promise<Token> {
    const token = await this.#token.get(options);
    if (token.until > this.#clock.monotonic()) return token;
    await this.forget(token);
    return await this.#token.get(options);
  }

  /** The token was refused: the next call gets a new one. */
  async forget(token: Token): Promise<void> {
    await this.#token.forget(token);
  }

  async #fetch(): Promise<Token> {
    const action = 'get a token for the storage account';
    const response = await this.#client.request({
      ...(await this.#request()),
      action,
    });
    if (response.status !== 200) {
      const text = await response.text();
      throw refusal(action, response.status, text) ?? signInError(response, action);
    }
    const said = (await response.json()) as Readonly<Record<string, unknown>> | null;
    const value = said?.['access_token'];
    const seconds = Number(said?.['expires_in']);
    if (typeof value !== 'string' || !Number.isFinite(seconds))
      throw new AppError('storage/unavailable', `Cannot ${action}: the answer holds none`);
    const lifetime = seconds * 1000;
    return { value, until: this.#clock.monotonic() + Math.max(lifetime - margin, lifetime / 2) };
  }

  async #request(): Promise<Pick<HttpRequest, 'method' | 'url' | 'headers' | 'body'>> {
    const identity = this.#identity;
    if (identity.kind === 'managed') return managedRequest(identity);
    const proof: Readonly<Record<string, string>> =
      identity.kind === 'client-secret'
        ? { client_secret: identity.secret.reveal() }
        : {
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
            client_assertion: await readToken(identity.file),
          };
    return {
      method: 'POST',
      url: `${identity.authority.replace(/\/+$/u, '')}/${encodeURIComponent(identity.tenant)}/oauth2/v2.0/token`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: identity.client,
        scope: `${scope}/.default`,
        ...proof,
      }).toString(),
    };
  }
}

function managedRequest({
  client,
  endpoint,
}: Extract<Identity, { readonly kind: 'managed' }>): Pick<
  HttpRequest,
  'method' | 'url' | 'headers'
> {
  const url = new URL(endpoint?.url ?? machineEndpoint);
  url.searchParams.set('api-version', endpoint === undefined ? '2018-02-01' : '2019-08-01');
  url.searchParams.set('resource', `${scope}/`);
  if (client !== undefined) url.searchParams.set('client_id', client);
  return {
    method: 'GET',
    url,
    headers:
      endpoint === undefined ? { metadata: 'true' } : { 'x-identity-header': endpoint.header },
  };
}

async function readToken(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new AppError(
      'storage/access-denied',
      `Cannot read the token of this workload: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** What Entra ID says is wrong with the credentials; it never repeats the secret. */
function refusal(action: string, status: number, text: string): AppError | undefined {
  if (status !== 400 && status !== 401 && status !== 403 && status !== 404) return undefined;
  let said: unknown;
  try {
    said = (JSON.parse(text) as Readonly<Record<string, unknown>> | null)?.['error_description'];
  } catch {
    // Not the answer of Entra ID: the status has to do.
  }
  const reason = typeof said === 'string' ? said.split(/[\r\n]/u, 1)[0] : `status ${status}`;
  return new AppError('storage/access-denied', `Cannot ${action}: ${reason}`, {
    hint: 'Look at the options "tenant-id", "client-id" and "client-secret", or give this machine a managed identity',
  });
}
