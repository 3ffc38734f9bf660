import type { CallOptions } from '../../../base/call-options.ts';
import type { Body } from '../../body.ts';
import type { HttpClient, HttpResponse } from '../../network/http-client.ts';

/** What the SDK has made of a call: the package that we depend on does not export its own types for it. */
export interface SignedRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>> | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** What the SDK takes for an answer. */
interface AnswerForSdk {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  /** A stream for the contents of an object; otherwise what came, all of it. */
  readonly body: Uint8Array | ReadableStream<Uint8Array>;
}

/** What is known of a call besides its request. */
export interface CallContext extends CallOptions {
  /** As in `Cannot store "a"`. */
  readonly action: string;
}

const answers = new WeakMap<object, HttpResponse>();

/** The answer that a stream of the contents of an object is the body of, so that it can be read by a shorter way as long as nobody has begun with the stream. */
export function answerOf(stream: ReadableStream<Uint8Array>): HttpResponse | undefined {
  return answers.get(stream);
}

/** Sends what the SDK has signed over our own client: its pool of connections, its trust, its proxies, and no buffers in between. */
export class RequestHandler {
  readonly #client: HttpClient;

  readonly #contextOf: () => CallContext | undefined;

  /** `contextOf` gives what belongs to the request that is being handled. */
  constructor(client: HttpClient, contextOf: () => CallContext | undefined) {
    this.#client = client;
    this.#contextOf = contextOf;
  }

  async handle(request: SignedRequest): Promise<{ readonly response: AnswerForSdk }> {
    // Requests of its own the SDK makes for credentials.
    const { signal, action = 'reach the server' } = this.#contextOf() ?? {};
    const answer = await this.#client.request({
      method: request.method,
      url: addressOf(request),
      headers: request.headers,
      ...(isBody(request.body) && { body: request.body }),
      action,
      signal,
    });
    const headers = { ...answer.headers() };
    const isContents = request.query?.['x-id'] === 'GetObject' && answer.status < 300;
    if (isContents) {
      const body = answer.stream();
      answers.set(body, answer);
      return { response: { statusCode: answer.status, headers, body } };
    }
    const body = await answer.bytes();
    // Some answers that take long begin with success and end with an error.
    const failed = answer.status === 200 && isError(body);
    return { response: { statusCode: failed ? 500 : answer.status, headers, body } };
  }

  /** The SDK may want to change settings of its own handler; this one has none. */
  updateHttpClientConfig(): void {}

  httpHandlerConfigs(): Record<string, never> {
    return {};
  }
}

function addressOf({ protocol, hostname, port, path, query = {} }: SignedRequest): string {
  const parameters = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each: string | null) =>
      each === null || each === undefined
        ? encodeExactly(name)
        : `${encodeExactly(name)}=${encodeExactly(each)}`,
    ),
  );
  const place = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`;
  return `${place}${path}${parameters.length === 0 ? '' : `?${parameters.join('&')}`}`;
}

/** As in the signature: everything but letters, digits and `-_.~`. */
function encodeExactly(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/gu,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function isBody(body: unknown): body is Body | string {
  if (body instanceof Uint8Array || typeof body === 'string') return true;
  return typeof body === 'object' && body !== null && 'stream' in body && 'size' in body;
}

function isError(body: Uint8Array): boolean {
  if (body.byteLength === 0 || body.byteLength > 100_000) return false;
  const text = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, 400));
  return /^\s*(?:<\?xml[^>]*\?>\s*)?<Error[\s>]/u.test(text.toString('utf8'));
}
