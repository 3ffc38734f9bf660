import { AppError } from '../../../base/errors.ts';
import type { HttpClient, HttpRequest, HttpResponse } from '../../network/http-client.ts';
import type { Authorizer } from './authorizer.ts';

export interface GsRequest extends Omit<HttpRequest, 'url'> {
  /** Path and query below the endpoint, encoded. */
  readonly path: string;
}

/** Requests to the service, each with what says who makes it. */
export class GsConnection {
  readonly endpoint: URL;
  readonly #client: HttpClient;
  readonly #authorizer: Authorizer;

  constructor(settings: { endpoint: URL; client: HttpClient; authorizer: Authorizer }) {
    this.endpoint = settings.endpoint;
    this.#client = settings.client;
    this.#authorizer = settings.authorizer;
  }

  /** One request; once more with a new token when the service says that the old one is no good. Gives answers of any other status. */
  async request({ path, ...request }: GsRequest): Promise<HttpResponse> {
    const { signal, method, headers = {} } = request;
    const url = new URL(path, this.endpoint);
    for (let attempt = 1; ; attempt++) {
      const own = await this.#authorizer.headers({ method, url, headers }, { signal });
      const response = await this.#client.request({
        ...request,
        url,
        headers: { ...headers, ...own },
      });
      if (response.status !== 401) return response;
      await response.discard();
      if (attempt === 1 && (await this.#authorizer.refused(own))) continue;
      throw new AppError(
        'storage/access-denied',
        `Cannot ${request.action}: Google does not accept the credentials`,
        { hint: 'Look whether the key or the account was deleted or disabled' },
      );
    }
  }
}
