import type { Clock } from '../../../base/clock.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import type { AppError } from '../../../base/errors.ts';
import type { Secret } from '../../../base/secret.ts';
import type { HttpClient, HttpRequest, HttpResponse } from '../../network/http-client.ts';
import { encodeKey } from '../../network/object-keys.ts';
import type { SharedKey } from './shared-key.ts';
import type { Token, TokenCredential } from './token-credential.ts';
import { azureError } from './translate-error.ts';

/** The version of the protocol; the first with all we use is 2021-12-02 (the cold tier). */
const protocolVersion = '2023-11-03';

export type Credential =
  | { readonly kind: 'key'; readonly key: SharedKey }
  | { readonly kind: 'sas'; readonly token: Secret }
  | { readonly kind: 'identity'; readonly credential: TokenCredential };

export interface BlobRequest extends CallOptions {
  readonly method: HttpRequest['method'];
  /** The object; without it, the container. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly action: string;
  /** The statuses that are answers; every other one is thrown as an error. */
  readonly expected: readonly number[];
}

export interface ConnectionSettings {
  readonly client: HttpClient;
  readonly endpoint: URL;
  readonly container: string;
  readonly credential: Credential;
  readonly clock: Clock;
}

/** Sends requests about one container, with the credentials of its account. */
export class AzureConnection {
  readonly #client: HttpClient;
  readonly #address: string;
  readonly #credential: Credential;
  readonly #clock: Clock;

  constructor({ client, endpoint, container, credential, clock }: ConnectionSettings) {
    this.#client = client;
    this.#address = `${endpoint.origin}${endpoint.pathname.replace(/\/+$/u, '')}/${encodeURIComponent(container)}`;
    this.#credential = credential;
    this.#clock = clock;
  }

  /** Sends it once; a second time only when a token turns out to have ended. Rejects with an `AppError`, or with `signal.reason`. */
  async send(request: BlobRequest): Promise<HttpResponse> {
    const credential = this.#credential;
    if (credential.kind !== 'identity')
      return await this.#checked(request, await this.#once(request));
    const token = await credential.credential.token({ signal: request.signal });
    const response = await this.#once(request, token);
    if (!isTokenRefusal(response)) return await this.#checked(request, response);
    await response.discard();
    await credential.credential.forget(token);
    const fresh = await credential.credential.token({ signal: request.signal });
    return await this.#checked(request, await this.#once(request, fresh));
  }

  async #checked(request: BlobRequest, response: HttpResponse): Promise<HttpResponse> {
    if (request.expected.includes(response.status)) return response;
    throw await this.#error(request, response);
  }

  async #error(request: BlobRequest, response: HttpResponse): Promise<AppError> {
    return await azureError(response, request.action, this.#clock);
  }

  async #once(request: BlobRequest, token?: Token): Promise<HttpResponse> {
    const { method, key, query = {}, body, action, signal } = request;
    const url = new URL(key === undefined ? this.#address : `${this.#address}/${encodeKey(key)}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const headers: Record<string, string> = {
      ...request.headers,
      'x-ms-date': new Date(this.#clock.now()).toUTCString(),
      'x-ms-version': protocolVersion,
    };
    const credential = this.#credential;
    if (credential.kind === 'key') {
      headers['authorization'] = credential.key.authorization({
        method,
        url,
        headers,
        contentLength: body?.byteLength ?? 0,
      });
    } else if (credential.kind === 'sas') {
      const signature = new URLSearchParams(credential.token.reveal().trim().replace(/^\?/u, ''));
      for (const [name, value] of signature) url.searchParams.set(name, value);
    } else if (token !== undefined) headers['authorization'] = `Bearer ${token.value}`;
    return await this.#client.request({
      method,
      url,
      headers,
      action,
      ...(body !== undefined && { body }),
      signal,
    });
  }
}

/** Whether a new token may help. */
function isTokenRefusal(response: HttpResponse): boolean {
  return (
    response.status === 401 ||
    (response.status === 403 && response.header('x-ms-error-code') === 'AuthenticationFailed')
  );
}
