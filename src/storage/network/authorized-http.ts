import { AppError } from '../../base/errors.ts';
import type { HttpClient, HttpRequest, HttpResponse } from './http-client.ts';
import type { AccessTokens } from './oauth.ts';

/** Requests with an access token, at the addresses of one service only. */
export class AuthorizedHttp implements AsyncDisposable {
  readonly #http: HttpClient;
  readonly #tokens: AccessTokens;
  readonly #origins: ReadonlySet<string>;

  /** `endpoints`: where the token may be sent to. */
  constructor(http: HttpClient, tokens: AccessTokens, endpoints: readonly string[]) {
    this.#http = http;
    this.#tokens = tokens;
    this.#origins = new Set(endpoints.map((endpoint) => new URL(endpoint).origin));
  }

  /**
   * Makes the request with a token. A token that is refused is replaced, and the request made once more: tokens may end before their time.
   * Rejects like `HttpClient.request` and `AccessTokens.get`.
   */
  async request(request: HttpRequest): Promise<HttpResponse> {
    this.#check(request.url);
    for (let attempt = 1; ; attempt++) {
      const token = await this.#tokens.get({ signal: request.signal });
      const response = await this.#http.request({
        ...request,
        headers: { ...request.headers, authorization: `Bearer ${token}` },
      });
      if (response.status !== 401) return response;
      if (attempt > 1 || !this.#tokens.renewable) return response;
      this.#tokens.refuse(token);
      await response.discard();
    }
  }

  /** Makes the request without a token: for addresses that the service has handed out and that are secrets themselves. */
  async bare(request: HttpRequest): Promise<HttpResponse> {
    return this.#http.request(request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tokens[Symbol.asyncDispose]();
    await this.#http[Symbol.asyncDispose]();
  }

  #check(url: string | URL): void {
    const { origin } = new URL(url);
    if (this.#origins.has(origin)) return;
    throw new AppError(
      'storage/untrusted',
      `The service sends us to "${origin}", where its access token is not sent`,
    );
  }
}
