import type { Duplex, Readable } from 'node:stream';

import { Agent, type Dispatcher } from 'undici';

import type { CallOptions } from '../../base/call-options.ts';
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import type { DockerEndpoint } from './docker-endpoint.ts';

export interface DockerRequest extends CallOptions {
  readonly method: 'GET' | 'POST';
  /** Below the version: `/containers/json`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** What it is for, as in `Cannot stop "web"`: `stop "web"`. */
  readonly action: string;
  /** Milliseconds without an answer, one minute by default. */
  readonly patience?: number;
}

export interface DockerAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** The newest version of the API whose calls were looked at; an older engine is spoken to in its own. */
const newestVersion = '1.51';
const connectPatience = 10_000;

/**
 * Calls of the Docker Engine API (https://docs.docker.com/reference/api/engine/) in the version that both sides know. Errors: `container/unavailable`
 * when the engine does not answer, `container/failed` when it refuses.
 */
export class DockerTransport implements AsyncDisposable {
  readonly endpoint: DockerEndpoint;
  readonly #dispatcher: Dispatcher;
  #version: Promise<string> | undefined;

  constructor(endpoint: DockerEndpoint) {
    this.endpoint = endpoint;
    const { socketPath, tls } = endpoint;
    this.#dispatcher = new Agent({
      connections: 32,
      pipelining: 1,
      // What a command prints may stay away for hours, which is no failure.
      bodyTimeout: 0,
      connect: {
        timeout: connectPatience,
        // We may have said everything to a command that still speaks.
        allowHalfOpen: true,
        ...(socketPath !== undefined && { socketPath }),
        ...(tls?.ca !== undefined && { ca: tls.ca }),
        ...(tls?.certificate !== undefined && { cert: tls.certificate }),
        ...(tls?.key !== undefined && { key: tls.key }),
      },
    });
  }

  /** An answer whose status is not one of `accepted` is an error. */
  async call(request: DockerRequest, accepted: readonly number[]): Promise<DockerAnswer> {
    const answer = await this.#send(request, await this.#negotiated(request));
    let text: string;
    try {
      text = await answer.body.text();
    } catch (error) {
      throw this.#unavailable(request, error);
    }
    if (!accepted.includes(answer.statusCode))
      throw this.#refusal(request, answer.statusCode, text);
    return { status: answer.statusCode, body: this.#parse(request, text) };
  }

  /** What a command prints, while it comes. */
  async stream(request: DockerRequest): Promise<Readable> {
    const answer = await this.#send(request, await this.#negotiated(request));
    if (answer.statusCode === 200) return answer.body;
    throw this.#refusal(request, answer.statusCode, await answer.body.text());
  }

  /** A connection in both directions, as for a command that reads input; ending it tells the command that nothing more comes. */
  async hijack(request: DockerRequest): Promise<Duplex> {
    const version = await this.#negotiated(request);
    // Docker wants its settings although the connection is about to change.
    const options = {
      origin: this.endpoint.origin,
      path: pathOf(request, version),
      method: request.method,
      protocol: 'tcp',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request.body),
      signal: request.signal ?? null,
    };
    try {
      const { socket } = await this.#dispatcher.upgrade(options);
      return socket;
    } catch (error) {
      throw this.#unavailable(request, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispatcher.destroy();
  }

  async #negotiated(request: DockerRequest): Promise<string> {
    this.#version ??= this.#askVersion(request);
    try {
      return await this.#version;
    } catch (error) {
      // The engine may be there at the next attempt.
      this.#version = undefined;
      throw error;
    }
  }

  async #askVersion({ action, signal }: DockerRequest): Promise<string> {
    const request = { method: 'GET', path: '/_ping', action, signal } as const;
    const answer = await this.#send(request, undefined);
    await answer.body.dump();
    const theirs = String(answer.headers['api-version'] ?? '');
    // A proxy that forbids even this may still let pass what is wanted.
    if (!/^\d+\.\d+$/u.test(theirs)) return '';
    return minorOf(theirs) < minorOf(newestVersion) ? theirs : newestVersion;
  }

  async #send(
    request: DockerRequest,
    version: string | undefined,
  ): Promise<Dispatcher.ResponseData> {
    const { method, body, signal, patience = 60_000 } = request;
    signal?.throwIfAborted();
    try {
      return await this.#dispatcher.request({
        origin: this.endpoint.origin,
        path: pathOf(request, version),
        method,
        headersTimeout: patience,
        signal: signal ?? null,
        ...(body !== undefined && {
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json' },
        }),
      });
    } catch (error) {
      throw this.#unavailable(request, error);
    }
  }

  #parse({ action }: DockerRequest, text: string): unknown {
    if (text.trim() === '') return undefined;
    try {
      return JSON.parse(text) as unknown;
    } catch (cause) {
      const message = `Cannot ${action}: the container engine at "${this.endpoint.address}" answers with something that is not JSON`;
      throw new AppError('container/failed', message, { cause });
    }
  }

  /** Always throws or gives the error of a connection that failed. */
  #unavailable({ action, signal }: DockerRequest, error: unknown): AppError {
    signal?.throwIfAborted();
    const { address, socketPath } = this.endpoint;
    const code = systemCodeOf(error) ?? '';
    const reasons: Readonly<Record<string, readonly [string, string]>> = {
      ENOENT: [
        'there is no such socket',
        'Start the engine, or name its socket: containerSocket, DOCKER_HOST',
      ],
      ECONNREFUSED: [
        'nobody answers',
        'Start the engine, or name its socket: containerSocket, DOCKER_HOST',
      ],
      EACCES: [
        'this account may not use the socket',
        'Add the account to the group of the socket, or run as root',
      ],
      UND_ERR_HEADERS_TIMEOUT: ['it does not answer in time', 'Look at the log of the engine'],
    };
    const [reason, hint] = reasons[code] ?? [messageOf(error), undefined];
    const place = socketPath === undefined ? address : socketPath;
    return new AppError(
      'container/unavailable',
      `Cannot ${action} through the container engine at "${place}": ${reason}`,
      { cause: error, ...(hint !== undefined && { hint }) },
    );
  }

  #refusal({ action, method, path }: DockerRequest, status: number, text: string): AppError {
    const { address } = this.endpoint;
    if (status === 401 || status === 403) {
      return new AppError(
        'container/failed',
        `Cannot ${action}: the container engine at "${address}" does not allow ${method} ${sectionOf(path)}`,
        {
          hint: 'A proxy of the socket has to allow it (such as CONTAINERS=1, POST=1, EXEC=1)',
          details: { status },
        },
      );
    }
    const said = saidBy(text);
    const code = status >= 500 && status !== 500 ? 'container/unavailable' : 'container/failed';
    return new AppError(
      code,
      `Cannot ${action}: ${said === '' ? `the container engine answers with status ${status}` : said}`,
      { details: { status } },
    );
  }
}

function pathOf({ path, query = {} }: DockerRequest, version: string | undefined): string {
  const parameters = new URLSearchParams(query).toString();
  const prefix = version === undefined || version === '' ? '' : `/v${version}`;
  return `${prefix}${path}${parameters === '' ? '' : `?${parameters}`}`;
}

const minorOf = (version: string): number => {
  const [major = '', minor = ''] = version.split('.');
  return Number(major) * 1000 + Number(minor);
};

/** `/containers/web/stop` as `/containers`: that is what proxies allow. */
const sectionOf = (path: string): string => `/${path.split('/')[1] ?? ''}`;

/** The engine's own words, on one line. */
function saidBy(text: string): string {
  let said = text;
  try {
    const body = JSON.parse(text) as unknown;
    if (typeof body === 'object' && body !== null && 'message' in body) said = String(body.message);
  } catch {
    // Some say it without JSON.
  }
  const line = said.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
