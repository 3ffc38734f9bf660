import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { Agent, type Dispatcher, ProxyAgent } from 'undici';

import type { CallOptions } from '../../base/call-options.ts';
import { durationMilliseconds, parseDuration } from '../../base/duration.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import type { HttpChannelBase } from '../../model/channel.ts';
import type { ChannelContext } from '../channel.ts';
import { connectionProblem } from '../connection-problem.ts';
import { maskSecrets } from '../mask-secrets.ts';
import { plainLine } from '../plain-line.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** An answer of any status. */
export interface HttpAnswer {
  readonly status: number;
  /** At most 64 KiB of the body. */
  readonly text: string;
  /** Milliseconds that the server asks us to wait. */
  readonly retryAfter: number | undefined;
}

const longestAnswer = 64 * 1024;

/**
 * Requests for one channel. Redirections are not followed: they could carry secrets elsewhere. Neither addresses nor what is sent get into
 * errors, and secrets that a server repeats are masked.
 */
export class HttpClient implements AsyncDisposable {
  /** `"ops" by hooks.slack.com`, as errors name it. */
  readonly #shown: string;
  readonly #secrets: readonly string[];
  readonly #timeout: number;
  readonly #dispatcher: Dispatcher;

  private constructor(
    shown: string,
    secrets: readonly string[],
    timeout: number,
    dispatcher: Dispatcher,
  ) {
    this.#shown = shown;
    this.#secrets = secrets;
    this.#timeout = timeout;
    this.#dispatcher = dispatcher;
  }

  /**
   * @param name of the channel
   * @param secrets what must not be shown even if a server says it
   * @throws AppError `input/invalid` for a file of authorities that cannot be read, or a proxy that is no address
   */
  static async open(
    name: string,
    url: URL,
    secrets: readonly string[],
    settings: HttpChannelBase,
    context: ChannelContext,
    options: CallOptions & { readonly patience?: number } = {},
  ): Promise<HttpClient> {
    const trust = await trustOf(name, settings, context, options);
    const timeout = timeoutOf(settings, options.patience ?? 30_000);
    const connect = { ...trust, timeout };
    const proxy = await proxyOf(name, url, settings, context, options);
    const dispatcher =
      proxy === undefined
        ? new Agent({ connections: 2, connect })
        : new ProxyAgent({ uri: proxy, connect, requestTls: trust });
    return new HttpClient(`"${name}" by ${url.host}`, secrets, timeout, dispatcher);
  }

  /** Rejects with `notify/failed` if there is no answer. */
  async send(request: HttpRequest, { signal }: CallOptions = {}): Promise<HttpAnswer> {
    const { method, url, headers = {}, body } = request;
    signal?.throwIfAborted();
    const limit = AbortSignal.timeout(this.#timeout);
    try {
      const answer = await this.#dispatcher.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers: {
          'user-agent': 'Holdfast',
          ...(url.username !== '' && { authorization: basic(url.username, url.password) }),
          ...headers,
        },
        body: body ?? null,
        signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      });
      const text = await firstOf(answer.body);
      const seconds = Number(answer.headers['retry-after'] ?? Number.NaN);
      return {
        status: answer.statusCode,
        text,
        retryAfter: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined,
      };
    } catch (error) {
      signal?.throwIfAborted();
      throw connectionProblem(error, `send to ${this.#shown}`, limit.aborted);
    }
  }

  /**
   * Sends and expects success (2xx). Resolves with what the server said, on one line.
   *
   * @throws AppError `notify/failed` or `notify/refused`, by the status
   */
  async deliver(request: HttpRequest, options: CallOptions = {}): Promise<string> {
    const answer = await this.send(request, options);
    if (answer.status >= 200 && answer.status < 300) return this.said(answer);
    throw this.problem(answer);
  }

  /** What the server answered, for people: `200: ok`. */
  said({ status, text }: HttpAnswer): string {
    const excerpt = this.#excerpt(text);
    return excerpt === '' ? String(status) : `${String(status)}: ${excerpt}`;
  }

  /** The error for an answer that is not the wanted one. `reason` is what the service means by it, if that is known. */
  problem(answer: HttpAnswer, reason?: string, hint?: string): AppError {
    const { status, text, retryAfter } = answer;
    const excerpt = this.#excerpt(text);
    const said = excerpt === '' ? '' : ` (${excerpt})`;
    return new AppError(
      isTemporary(status) ? 'notify/failed' : 'notify/refused',
      `Cannot send to ${this.#shown}: ${reason ?? meaningOf(status)}${said}`,
      {
        details: { status, ...(retryAfter !== undefined && { retryAfter }) },
        ...(hint !== undefined && { hint }),
      },
    );
  }

  #excerpt(text: string): string {
    return plainLine(maskSecrets(text, this.#secrets), 300);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispatcher.destroy();
  }
}

const isTemporary = (status: number): boolean =>
  status === 408 || status === 425 || status === 429 || status >= 500;

function meaningOf(status: number): string {
  if (status === 401 || status === 403) return 'the server does not accept the credentials';
  if (status === 404 || status === 410) return 'the server does not know that address';
  if (status === 413) return 'the message is too long for the server';
  if (status === 429) return 'the server asks for fewer messages';
  if (status >= 300 && status < 400)
    return `the server sends us elsewhere (status ${String(status)})`;
  return `the server answers with status ${String(status)}`;
}

async function firstOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body) {
    pieces.push(piece);
    length += piece.byteLength;
    if (length >= longestAnswer) break;
  }
  return Buffer.concat(pieces).subarray(0, longestAnswer).toString('utf8');
}

/** `Authorization` with a user and password, each percent-encoded or not. */
export function basic(user: string, password: string): string {
  const text = `${decoded(user)}:${decoded(password)}`;
  return `Basic ${Buffer.from(text, 'utf8').toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone percent sign
  }
}

/** The time limit of a channel in milliseconds. */
export function timeoutOf({ timeout }: { readonly timeout?: string }, fallback: number): number {
  return timeout === undefined ? fallback : durationMilliseconds(parseDuration(timeout));
}

/** What `tls.connect` takes. */
export interface Trust {
  readonly ca?: string;
  readonly rejectUnauthorized?: false;
}

/** Whom a channel trusts: the authorities of its `caFile`, or anybody. */
export async function trustOf(
  name: string,
  { caFile, insecure }: { readonly caFile?: string; readonly insecure?: boolean },
  { baseDirectory }: ChannelContext,
  { signal }: CallOptions,
): Promise<Trust> {
  if (insecure === true) return { rejectUnauthorized: false };
  if (caFile === undefined) return {};
  try {
    return {
      ca: await readFile(path.resolve(baseDirectory, caFile), { encoding: 'utf8', signal }),
    };
  } catch (cause) {
    signal?.throwIfAborted();
    throw new AppError(
      'input/invalid',
      `Cannot read the "caFile" of the channel "${name}": ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** The proxy of the channel, else that of the environment unless `NO_PROXY` names the host. */
async function proxyOf(
  name: string,
  { host, protocol }: URL,
  { proxy }: HttpChannelBase,
  { environment, resolveSecret }: ChannelContext,
  options: CallOptions,
): Promise<string | undefined> {
  const variable = (key: string): string | undefined =>
    environment[key.toLowerCase()] || environment[key] || undefined;
  const text =
    proxy === undefined
      ? isExcepted(host, variable('NO_PROXY') ?? '')
        ? undefined
        : variable(protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY')
      : (await resolveSecret(proxy, `the proxy of the channel "${name}"`, options)).reveal();
  if (text === undefined) return undefined;
  if (/^https?:\/\/[^\s/]/iu.test(text) && URL.canParse(text)) return text;
  throw new AppError('input/invalid', `The proxy of the channel "${name}" is not an address`, {
    hint: 'Write http://host:port',
  });
}

function isExcepted(host: string, list: string): boolean {
  const name = host.replace(/:\d+$/u, '').toLowerCase();
  return list
    .toLowerCase()
    .split(/[\s,]+/u)
    .filter((part) => part !== '')
    .map((part) => part.replace(/^\*?\./u, '').replace(/:\d+$/u, ''))
    .some((part) => part === '*' || name === part || name.endsWith(`.${part}`));
}
