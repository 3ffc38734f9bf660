import { AsyncLocalStorage } from 'node:async_hooks';

import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';

import type { CallOptions } from '../../../base/call-options.ts';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { collectAll } from '../../byte-stream.ts';
import { HttpClient } from '../../network/http-client.ts';
import type { TlsTrust } from '../../network/tls.ts';
import type { S3Destination } from './destination.ts';
import type { PayloadChecks } from './payload.ts';
import { type CallContext, RequestHandler, type SignedRequest } from './request-handler.ts';
import { regionToldBy, translateError } from './translate-error.ts';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface ConnectionSettings {
  readonly destination: S3Destination;
  /** Without them the chain of the AWS tools is followed. */
  readonly credentials: Credentials | undefined;
  readonly profile: string | undefined;
  readonly trust: TlsTrust;
  readonly connections: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

/** One request, made by the SDK. It may be made twice, when the bucket turns out to be in another region. */
export type Request<Answer> = (client: S3Client) => Promise<Answer>;

/** Parts of the SDK that do nothing for us, but take time in every request: logs, retries, followed redirects, measurements. */
const superfluous = [
  'loggerMiddleware',
  'regionRedirectMiddleware',
  'addExpectContinueMiddleware',
  'getUserAgentMiddleware',
  'recursionDetectionMiddleware',
  'retryMiddleware',
] as const;

/** The SDK's client as we need it: one attempt a call, our own connections, errors in our terms. */
export class S3Connection implements AsyncDisposable {
  readonly destination: S3Destination;
  readonly clock: Clock;
  readonly #settings: ConnectionSettings;
  readonly #http: HttpClient;
  /** What the request handler is told besides a request: with options of its own for each, the SDK would build its pipeline anew. */
  readonly #calls = new AsyncLocalStorage<CallContext>();
  /** Of bodies that are under way. */
  readonly #checks = new WeakMap<object, PayloadChecks>();
  #client: S3Client;
  #bucketSeen = false;

  private constructor(settings: ConnectionSettings) {
    const { trust, connections, environment } = settings;
    this.#settings = settings;
    this.destination = settings.destination;
    this.clock = settings.clock;
    // How long to wait is decided by the layer above, which knows how much is sent: here a slow upload would look like silence.
    this.#http = new HttpClient({ trust, connections, environment, patience: 0 });
    this.#client = this.#connect(settings.destination.region);
  }

  /** Sends nothing. */
  static async open(settings: ConnectionSettings): Promise<S3Connection> {
    const connection = new S3Connection(settings);
    try {
      await connection.#client.config.region();
    } catch {
      // Neither option nor profile names one. The usual one answers for buckets elsewhere by saying where they are.
      connection.#client = connection.#connect(settings.destination.preset.region ?? 'us-east-1');
    }
    return connection;
  }

  /** Whether an answer has shown that the bucket is there. */
  get bucketSeen(): boolean {
    return this.#bucketSeen;
  }

  /** Rejects with an `AppError` that says `action`, or with `signal.reason`. */
  async call<Answer>(
    action: string,
    { signal }: CallOptions,
    request: Request<Answer>,
  ): Promise<Answer> {
    signal?.throwIfAborted();
    const context: CallContext = { action, signal };
    try {
      const answer = await this.#calls.run(context, () => this.#following(request));
      this.#bucketSeen = true;
      return answer;
    } catch (error) {
      if (error instanceof Error && error.name === 'NoSuchKey') this.#bucketSeen = true;
      signal?.throwIfAborted();
      const { bucket, location } = this.destination;
      throw translateError(error, { action, bucket, location, now: this.clock.now() });
    }
  }

  /** Has the next request with this very body carry its checks. */
  announce(body: object, checks: PayloadChecks): void {
    this.#checks.set(body, checks);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy();
    await this.#http[Symbol.asyncDispose]();
  }

  /** The user may not know where his bucket is; where he has said so himself, he is told that it is wrong. */
  async #following<Answer>(request: Request<Answer>): Promise<Answer> {
    const client = this.#client;
    try {
      return await request(client);
    } catch (error) {
      const region = regionToldBy(error);
      if (region === undefined || this.destination.regionIsGiven) throw error;
      if (this.#client === client) this.#client = this.#connect(region);
      return await request(this.#client);
    }
  }

  #connect(region: string | undefined): S3Client {
    const { destination, credentials, profile, clock } = this.#settings;
    const { endpoint, pathStyle, preset } = destination;
    const configuration: S3ClientConfig = {
      ...(region !== undefined && { region }),
      ...(endpoint !== undefined && { endpoint: endpoint.origin }),
      ...(credentials !== undefined && { credentials: { ...credentials } }),
      ...(profile !== undefined && { profile }),
      ...(preset.name !== 'aws' && { useDualstackEndpoint: false, useFipsEndpoint: false }),
      forcePathStyle: pathStyle,
      // Retries are made around the driver, checksums by it.
      maxAttempts: 1,
      cacheMiddleware: true,
      defaultsMode: 'standard',
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: new RequestHandler(this.#http, () => this.#calls.getStore()),
      streamCollector: collectAll,
    };
    const client = new S3Client(configuration);
    // Requests are dated by our clock. The SDK would correct it by what servers say; a wrong clock is something to be told of.
    Object.defineProperty(client.config, 'systemClockOffset', {
      get: () => clock.now() - systemClock.now(),
      set() {},
    });
    for (const name of superfluous) client.middlewareStack.remove(name);
    // The signature asks to come after it.
    client.middlewareStack.add((next) => next, {
      step: 'finalizeRequest',
      name: 'retryMiddleware',
      priority: 'high',
    });
    client.middlewareStack.add(
      (next) => async (call) => {
        const request = call.request as SignedRequest;
        const { body } = request;
        const checks =
          typeof body === 'object' && body !== null ? this.#checks.get(body) : undefined;
        Object.assign(request.headers, {
          'user-agent': 'holdfast',
          ...(checks && { 'x-amz-content-sha256': checks.sha256 }),
        });
        return next(call);
      },
      { step: 'build', name: 'payloadChecks' },
    );
    return client;
  }
}
