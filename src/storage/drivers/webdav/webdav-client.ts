import type { CallOptions } from '../../../base/call-options.ts';
import type { Body } from '../../body.ts';
import type { HttpClient, HttpResponse } from '../../network/http-client.ts';
import type { Authentication, Authorization } from './authentication.ts';
import { refusal } from './refusal.ts';
import { SharedWork } from '../../network/shared-result.ts';

export interface WebdavRequest extends CallOptions {
  readonly method: string;
  /** Percent-encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body | string;
  /** What the request is for, as in `Cannot store "a"`: `store "a"`. */
  readonly action: string;
}

/** How often a request is sent with other credentials before the server's refusal counts. */
const mostRounds = 4;

/** Requests to one server, with whatever proves who we are. */
export class WebdavClient implements AsyncDisposable {
  readonly #http: HttpClient;
  readonly #origin: string;
  readonly #authentication: Authentication;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #introductions = new SharedWork();
  /** Where the server can be asked how it wants to be answered. */
  readonly #entrance: string;

  constructor(
    http: HttpClient,
    where: { readonly origin: string; readonly entrance: string },
    authentication: Authentication,
    headers: Readonly<Record<string, string>> = {},
  ) {
    this.#http = http;
    this.#origin = where.origin;
    this.#entrance = where.entrance;
    this.#authentication = authentication;
    this.#headers = headers;
  }

  urlOf(path: string): URL {
    return new URL(this.#origin + path);
  }

  /** The server's answer, of any status; one of 401 only when nothing that we have is accepted. */
  async send(request: WebdavRequest): Promise<HttpResponse> {
    if (this.#authentication.isOpen) {
      await this.#introductions.do('', () => this.#introduce(request.action), {
        signal: request.signal,
      });
    }
    return this.#send(request);
  }

  /** The error for an answer that is not the wanted one. */
  refusal(response: HttpResponse, { path, action }: WebdavRequest): Promise<Error> {
    const { hasCredentials } = this.#authentication;
    return refusal(response, { action, url: this.urlOf(path), hasCredentials });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]();
  }

  /** A small request first, so that no upload has to be sent twice. */
  async #introduce(action: string): Promise<void> {
    const headers = { depth: '0' };
    const request = { method: 'PROPFIND', path: this.#entrance, headers, action };
    const used = this.#authentication.authorize(request.method, request.path);
    const response = await this.#sendAs(used, request);
    // How it wants to be answered is all that was to be learned: the next request tells whether it likes the answer.
    if (response.status === 401)
      this.#authentication.refused(used, response.header('www-authenticate') ?? '');
    else this.#authentication.accepted(used, response.header('authentication-info'));
    await response.discard();
  }

  #sendAs(used: Authorization | undefined, request: WebdavRequest): Promise<HttpResponse> {
    const { method, path, headers, body, action, signal } = request;
    return this.#http.request({
      method,
      url: this.#origin + path,
      headers: {
        // A body that was compressed on the way has other ranges and another size.
        'accept-encoding': 'identity',
        ...this.#headers,
        ...headers,
        ...(used && { authorization: used.header }),
      },
      ...(body !== undefined && { body }),
      action,
      signal,
    });
  }

  async #send(request: WebdavRequest): Promise<HttpResponse> {
    const { method, path } = request;
    for (let round = 1; ; round++) {
      const used = this.#authentication.authorize(method, path);
      const response = await this.#sendAs(used, request);
      if (response.status !== 401) {
        this.#authentication.accepted(used, response.header('authentication-info'));
        return response;
      }
      const challenges = response.header('www-authenticate') ?? '';
      if (round === mostRounds || !this.#authentication.refused(used, challenges)) return response;
      await response.discard();
    }
  }
}
