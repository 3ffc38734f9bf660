import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { sizeOfBody } from '../../body.ts';
import { HttpClient, type HttpRequest, type HttpResponse } from '../../network/http-client.ts';
import { SharedResult } from '../../network/shared-result.ts';
import { tlsTrust, type TlsSettings } from '../../network/tls.ts';
import type { Authentication } from './authentication.ts';
import type { SwiftAccess } from './swift-access.ts';

export interface SwiftConnectionSettings {
  readonly authentication: Authentication;
  readonly tls: TlsSettings;
  readonly connections: number;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface SwiftRequest extends Omit<HttpRequest, 'url'> {
  /** What follows the address of the account: `/container/name?query`, encoded. */
  readonly path: string;
}

/** A token is renewed so long before it expires, in milliseconds. */
const margin = 60_000;

/** A body larger than this is not sent with a token that may no longer be good: the refusal would be lost with the connection. */
const largeBody = 64 * 1024;

interface Granted extends SwiftAccess {
  /** By the monotonic clock. */
  readonly renewAt: number;
  readonly client: HttpClient;
}

/** Requests to one account, with a token that is asked for when it is needed, and again when it has expired. */
export class SwiftConnection implements AsyncDisposable {
  readonly #settings: SwiftConnectionSettings;
  readonly #clients = new Map<string, Promise<HttpClient>>();
  readonly #end = new AbortController();
  readonly #granted = new SharedResult(() => this.#authenticate());
  /** A connection broke while a body was sent: perhaps the server had refused the token. */
  #isDoubtful = false;

  constructor(settings: SwiftConnectionSettings) {
    this.#settings = settings;
  }

  /** One request; with a new token once more when the server says that the old one is no good. Gives answers of any other status. */
  async request({ path, ...request }: SwiftRequest): Promise<HttpResponse> {
    const { signal, body } = request;
    signal?.throwIfAborted();
    const isLarge = body !== undefined && typeof body !== 'string' && sizeOfBody(body) > largeBody;
    if (isLarge && this.#isDoubtful) await this.#tryToken({ signal });
    for (let attempt = 1; ; attempt++) {
      const granted = await this.#access({ signal });
      let response: HttpResponse;
      try {
        response = await granted.client.request({
          ...request,
          url: `${granted.storageUrl}${path}`,
          headers: { ...request.headers, 'x-auth-token': granted.token },
        });
      } catch (error) {
        if (isLarge && hasCode(error, 'storage/unavailable')) this.#isDoubtful = true;
        throw error;
      }
      if (response.status !== 401) return response;
      await response.discard();
      await this.#granted.forget(granted);
      if (attempt > 1) {
        throw new AppError(
          'storage/access-denied',
          `Cannot ${request.action}: "${new URL(granted.storageUrl).host}" does not accept the token that was just given`,
          { hint: 'Look at the clock of the server, and at project and region' },
        );
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort(new AppError('storage/unavailable', 'The storage was closed'));
    const clients = await Promise.allSettled(this.#clients.values());
    await Promise.all(
      clients.map(async (client) => {
        if (client.status === 'fulfilled') await client.value[Symbol.asyncDispose]();
      }),
    );
  }

  async #tryToken({ signal }: CallOptions): Promise<void> {
    const granted = await this.#access({ signal });
    const response = await granted.client.request({
      method: 'HEAD',
      url: granted.storageUrl,
      headers: { 'x-auth-token': granted.token },
      action: 'look at the account',
      signal,
    });
    await response.discard();
    if (response.status === 401) await this.#granted.forget(granted);
    this.#isDoubtful = false;
  }

  async #access(options: CallOptions): Promise<Granted> {
    for (;;) {
      const granted = await this.#granted.get(options);
      if (this.#settings.clock.monotonic() < granted.renewAt) return granted;
      await this.#granted.forget(granted);
    }
  }

  async #authenticate(): Promise<Granted> {
    const { authentication, clock } = this.#settings;
    const { server, authenticate } = authentication;
    const options = { signal: this.#end.signal };
    const asked = clock.monotonic();
    const access = await authenticate(await this.#client(server, options), options);
    const { lifetime = Infinity } = access;
    return {
      ...access,
      renewAt: asked + lifetime - Math.min(margin, lifetime / 2),
      client: await this.#client(new URL(access.storageUrl), options),
    };
  }

  /** Keystone and Swift often are two servers, and each must prove who it is. */
  async #client(url: URL, { signal }: CallOptions): Promise<HttpClient> {
    const known = this.#clients.get(url.origin);
    if (known !== undefined) return await known;
    const { tls, connections, environment } = this.#settings;
    const client = (async () => {
      const isTls = url.protocol === 'https:';
      const host = url.hostname.replaceAll(/^\[|\]$/gu, '');
      const port = Number(url.port === '' ? 443 : url.port);
      const trust = isTls ? await tlsTrust(tls, { host, port, signal }) : {};
      return new HttpClient({ trust, connections, environment });
    })();
    this.#clients.set(url.origin, client);
    client.catch(() => this.#clients.delete(url.origin));
    return await client;
  }
}
