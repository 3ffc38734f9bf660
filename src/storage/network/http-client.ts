import { Readable } from 'node:stream';

import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';

import type { CallOptions } from '../../base/call-options.ts';
import { AppError, type ErrorCode } from '../../base/errors.ts';
import { untilAborted } from '../../base/until-aborted.ts';
import { type Body, piecesTo, sizeOfBody, smallPieces } from '../body.ts';
import { collectAll, streamOf } from '../byte-stream.ts';
import { watchOfCall } from '../call-watch.ts';
import { fill, type Filled } from './fill.ts';
import { PendingConnections } from './pending-connections.ts';
import { translateNetworkError } from './network-error.ts';
import { oneLine } from './one-line.ts';
import type { TlsTrust } from './tls.ts';

export interface HttpClientSettings {
  readonly trust?: TlsTrust;
  /** At most so many connections to one server. */
  readonly connections: number;
  /** Where `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are read from. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Milliseconds without any answer before a request counts as failed; 0: this is for others to judge. Default 60 000. */
  readonly patience?: number;
}

export interface HttpRequest extends CallOptions {
  readonly method: Dispatcher.HttpMethod;
  readonly url: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body | string;
  /** What the request is for, as in `Cannot store "a"`: `store "a"`. */
  readonly action: string;
}

/** One answer. Exactly one of `text`, `json`, `bytes`, `read`, `stream` and `discard` has to be called, so that its connection is free again. */
export interface HttpResponse {
  readonly status: number;
  /** The value of a header, by its name in lower case; several are joined by a comma. */
  header(name: string): string | undefined;
  /** All headers, by their names in lower case, for libraries that want to see them. */
  headers(): Readonly<Record<string, string>>;
  text(): Promise<string>;
  json(): Promise<unknown>;
  bytes(): Promise<Uint8Array>;
  /** A body of exactly `length` bytes, by a shorter way than a stream; any other number is `storage/unavailable`. */
  read(length: number): Promise<Uint8Array>;
  stream(): ReadableStream<Uint8Array>;
  discard(): Promise<void>;
}

/** Bytes a second: while a body is on its way over a slow line there is no answer, and that is no failure. */
const slowest = 16 * 1024;

/** Bytes that are sent at a time; each costs a turn of the event loop. A larger body takes as long as it takes: the watch of its call sees it move. */
const pieceSize = 256 * 1024;

/** How much of an answer that was not wanted is read, so that the connection can be used again. */
const largestDiscarded = 256 * 1024;

/**
 * Requests over a pool of connections that are kept open. Every failure of the connection is an `AppError`; an answer of any status is an
 * answer. Redirections are not followed: they could carry secrets elsewhere.
 */
export class HttpClient implements AsyncDisposable {
  readonly #dispatcher: Dispatcher;
  readonly #patience: number;
  readonly #pending = new PendingConnections();

  constructor({ trust = {}, connections, environment, patience = 60_000 }: HttpClientSettings) {
    this.#patience = patience;
    const options = {
      connections,
      connect: this.#pending.connector(trust, 30_000),
      bodyTimeout: patience,
      keepAliveTimeout: 20_000,
      pipelining: 1,
    };
    const proxy = (name: string): string | undefined =>
      environment[name.toLowerCase()] || environment[name] || undefined;
    const [httpProxy, httpsProxy, noProxy] = [
      proxy('HTTP_PROXY'),
      proxy('HTTPS_PROXY'),
      proxy('NO_PROXY'),
    ];
    this.#dispatcher =
      httpProxy === undefined && httpsProxy === undefined
        ? new Agent(options)
        : new EnvHttpProxyAgent({
            ...options,
            httpProxy: httpProxy ?? '',
            httpsProxy: httpsProxy ?? '',
            noProxy: noProxy ?? '',
            requestTls: trust,
          });
  }

  /** Rejects with `storage/unavailable`, `storage/untrusted`, what the body throws, or `signal.reason`. */
  async request(request: HttpRequest): Promise<HttpResponse> {
    const { method, url, headers = {}, body, action, signal } = request;
    signal?.throwIfAborted();
    const target = typeof url === 'string' ? new URL(url) : url;
    // The HTTP client would tell of the failure of a body in its own words.
    const failure: { body?: unknown } = {};
    try {
      const asked = this.#dispatcher.request({
        origin: target.origin,
        path: `${target.pathname}${target.search}`,
        method,
        headers: { ...headers, ...lengthOf(body) },
        ...(body !== undefined && { body: payload(body, action, failure, { signal }) }),
        signal: signal ?? null,
        headersTimeout: this.#timeFor(body),
        highWaterMark: pieceSize,
        // Otherwise a connection is closed after each HEAD.
        ...(method === 'HEAD' && { reset: false }),
      });
      // While a connection is being made, the HTTP client hears of no abort.
      const answer = await untilAborted(asked, signal);
      return responseOf(answer, action, { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw 'body' in failure
        ? failure.body
        : withTlsHint(translateNetworkError(error, action), target);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    using _pending = this.#pending;
    await this.#dispatcher.destroy();
  }

  /** Milliseconds until the answer to a request with this body, 0 for no limit. */
  #timeFor(body: Body | string | undefined): number {
    const bytes = bytesOf(body);
    if (this.#patience === 0 || bytes > pieceSize) return 0;
    return this.#patience + (bytes / slowest) * 1000;
  }
}

/** A server that expects TLS just closes a connection without. */
function withTlsHint(error: unknown, { protocol }: URL): unknown {
  const isClosed =
    error instanceof AppError &&
    ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(String(error.details['system']));
  if (protocol !== 'http:' || !isClosed) return error;
  return new AppError(error.code, error.message, {
    cause: error,
    details: error.details,
    hint: 'If it is always so, the server may expect TLS at that port: look at the scheme of the URL, and at the options "tls" and "endpoint"',
  });
}

/**
 * The error for an answer that is not the wanted one, by the general meaning of its status; drivers look at what their service says
 * before they ask here. `excerpt` is what the server said.
 */
export function statusError(response: HttpResponse, action: string, excerpt = ''): AppError {
  const { status } = response;
  const [code, text] = statusMeaning(status);
  const said = excerpt === '' ? '' : ` (${oneLine(excerpt)})`;
  const retryAfter = retryAfterOf(response);
  return new AppError(code, `Cannot ${action}: ${text}${said}`, {
    details: { status, ...(retryAfter !== undefined && { retryAfter }) },
  });
}

function statusMeaning(status: number): readonly [ErrorCode, string] {
  if (status === 401)
    return ['storage/access-denied', 'the server does not accept the credentials'];
  if (status === 403) return ['storage/access-denied', 'the server denies it'];
  if (status === 404 || status === 410) return ['storage/not-found', 'there is no such object'];
  if (status === 409 || status === 412) return ['storage/already-exists', 'it is already there'];
  if (status === 413 || status === 507) return ['storage/out-of-space', 'there is no space for it'];
  if (status === 416) return ['storage/bad-range', 'the range does not lie inside the object'];
  if (status === 408 || status === 425 || status === 429 || status >= 500)
    return ['storage/unavailable', `the server answers with status ${status}`];
  if (status >= 300 && status < 400)
    return ['storage/access-denied', `the server sends us elsewhere (status ${status})`];
  return ['storage/access-denied', `the server answers with status ${status}`];
}

/** Milliseconds that the server asks us to wait. Dates are left aside: our clock and the server's differ. */
function retryAfterOf(response: HttpResponse): number | undefined {
  const seconds = Number(response.header('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

function lengthOf(body: Body | string | undefined): Readonly<Record<string, string>> {
  if (body === undefined || typeof body === 'string') return {};
  return { 'content-length': String(sizeOfBody(body)) };
}

function bytesOf(body: Body | string | undefined): number {
  if (body === undefined) return 0;
  return typeof body === 'string' ? body.length : sizeOfBody(body);
}

function payload(
  body: Body | string,
  action: string,
  failure: { body?: unknown },
  options: CallOptions,
): string | Uint8Array | Readable {
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array && body.byteLength <= pieceSize) return body;
  const watch = watchOfCall();
  async function* watched(source: Body): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const piece of smallPieces(piecesTo(action, source, options), pieceSize)) {
        yield piece;
        // The next one is wanted.
        watch.moved();
      }
    } catch (error) {
      failure.body = error;
      throw error;
    }
  }
  return Readable.from(watched(body), { objectMode: false, highWaterMark: pieceSize });
}

function responseOf(
  answer: Dispatcher.ResponseData,
  action: string,
  options: CallOptions,
): HttpResponse {
  const stream = (): ReadableStream<Uint8Array> => streamOfBody(answer.body, action, options);
  const bytes = (): Promise<Uint8Array> => collectAll(stream());
  const text = async (): Promise<string> => Buffer.from(await bytes()).toString('utf8');
  const header = (name: string): string | undefined => {
    const value = answer.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  };
  return {
    status: answer.statusCode,
    header,
    headers: () =>
      Object.fromEntries(Object.keys(answer.headers).map((name) => [name, header(name) ?? ''])),
    text,
    async json() {
      const said = await text();
      try {
        return JSON.parse(said) as unknown;
      } catch (cause) {
        throw new AppError(
          'storage/unavailable',
          `Cannot ${action}: the server's answer is not JSON`,
          {
            cause,
          },
        );
      }
    },
    bytes,
    read: (length) => readBody(answer.body, length, action, options),
    stream,
    discard: () =>
      answer.body.dump({
        limit: largestDiscarded,
        ...(options.signal && { signal: options.signal }),
      }),
  };
}

async function readBody(
  body: Readable,
  length: number,
  action: string,
  { signal }: CallOptions,
): Promise<Uint8Array> {
  const watch = watchOfCall();
  let filled: Filled;
  try {
    filled = await fill(body, length, () => watch.moved());
  } catch (error) {
    signal?.throwIfAborted();
    throw translateNetworkError(error, action);
  }
  const { bytes, seen } = filled;
  signal?.throwIfAborted();
  if (seen === length) return bytes;
  const came = seen > length ? `at least ${seen}` : String(seen);
  throw new AppError('storage/unavailable', `Cannot ${action}: ${came} of ${length} bytes came`);
}

function streamOfBody(
  body: Readable,
  action: string,
  options: CallOptions,
): ReadableStream<Uint8Array> {
  const pieces = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  const watch = watchOfCall();
  return streamOf(
    {
      async next() {
        try {
          const { done, value } = await pieces.next();
          watch.moved();
          return done === true ? undefined : value;
        } catch (error) {
          options.signal?.throwIfAborted();
          throw translateNetworkError(error, action);
        }
      },
      close() {
        body.on('error', () => undefined);
        body.destroy();
      },
    },
    options,
  );
}
