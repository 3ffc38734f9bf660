import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import path from 'node:path';

import { Journal } from './journal.ts';

/** What a simulated service gets: one request with its body, which has arrived whole. */
export interface Call {
  readonly method: string;
  readonly url: URL;
  /** A header by its name in lower case; empty when it is not there. */
  header(name: string): string;
  readonly body: Buffer;
  /** `http://127.0.0.1:PORT` as the client wrote it, so that addresses which are handed out lead through the same proxy. */
  readonly origin: string;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes, a text, or a value that is sent as JSON. */
  readonly body?: unknown;
}

/** Thrown by a service to end a call with an answer. */
export class Refusal extends Error {
  readonly answer: Answer;

  constructor(said: Answer) {
    super(`Answered with ${said.status}`);
    this.name = 'Refusal';
    this.answer = said;
  }
}

/** What tests tell a running simulator by `POST /_control`, and read back by `GET /_control`. */
export interface Control {
  /** So many calls are answered by a rate limit. */
  rateLimited?: number;
  /** Seconds in the header of a rate limit. */
  retryAfter?: number;
  /** Bytes that the account can hold. */
  quota?: number;
  /** Every refresh gives a new refresh token and ends the old one. */
  rotate?: boolean;
  /** Seconds that access tokens live. */
  tokenLife?: number;
  /** All access tokens that were given out have expired. */
  expireTokens?: boolean;
  /** No refresh token is accepted any more. */
  revoked?: boolean;
  /** Cursors and page tokens that were given out are no longer accepted. */
  expireCursors?: boolean;
  /** Most entries in a page of a listing: services give fewer than they were asked for as they like. */
  pageSize?: number;
  /** Whatever is uploaded is stored with another byte in it. */
  damageUploads?: boolean;
  /** Before a file is deleted the next time, somebody else replaces it. */
  changeBeforeDelete?: boolean;
  /** The next so many calls fail with status 503. */
  outages?: number;
}

export interface Simulator {
  readonly journal: Journal;
  readonly control: Control;
  /** How often something happened, for tests to look at. */
  count(what: string): void;
}

export type Service = (call: Call) => Answer | Promise<Answer>;

/**
 * Serves a simulated service: `node FILE PORT DIRECTORY [CERTIFICATE KEY]`. All that it has acknowledged is in the directory and is
 * there again after it was killed.
 */
export function serveSimulator(make: (simulator: Simulator) => Service): void {
  const [, , port = '', directory = '', certificate, key] = process.argv;
  const data = path.join(directory, 'data');
  mkdirSync(data, { recursive: true });
  const control: Control = {};
  const counts: Record<string, number> = {};
  const service = make({
    journal: new Journal(data),
    control,
    count: (what) => void (counts[what] = (counts[what] ?? 0) + 1),
  });
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    answer(request, (call) =>
      call.url.pathname === '/_control' ? steer(call, control, counts) : service(call),
    ).then(
      (said) => send(response, said),
      (error: unknown) => {
        // A request that breaks off has nobody to answer to.
        if (request.complete) send(response, { status: 500, body: String(error) });
        else response.destroy();
      },
    );
  };
  const server =
    certificate === undefined || key === undefined
      ? createServer(listener)
      : createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key) }, listener);
  server.keepAliveTimeout = 60_000;
  server.listen(Number(port), '127.0.0.1');
}

async function answer(request: IncomingMessage, service: Service): Promise<Answer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  if (!request.complete) throw new Error('The request broke off');
  const host = request.headers.host ?? 'localhost';
  const origin = `${'encrypted' in request.socket ? 'https' : 'http'}://${host}`;
  const call: Call = {
    method: request.method ?? '',
    url: new URL(request.url ?? '/', origin),
    header(name) {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(', ') : (value ?? '');
    },
    body: Buffer.concat(pieces),
    origin,
  };
  try {
    return await service(call);
  } catch (error) {
    if (error instanceof Refusal) return error.answer;
    throw error;
  }
}

function send(response: ServerResponse, { status, headers = {}, body }: Answer): void {
  const bytes = Buffer.isBuffer(body)
    ? body
    : Buffer.from(typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body));
  const type = Buffer.isBuffer(body)
    ? 'application/octet-stream'
    : typeof body === 'string'
      ? 'text/plain; charset=utf-8'
      : 'application/json; charset=utf-8';
  response.writeHead(status, {
    'content-type': type,
    ...(status !== 204 && { 'content-length': String(bytes.byteLength) }),
    ...headers,
  });
  response.end(bytes);
}

function steer(call: Call, control: Control, counts: Readonly<Record<string, number>>): Answer {
  if (call.method === 'GET') return { status: 200, body: { control, counts } };
  Object.assign(control, JSON.parse(call.body.toString('utf8')));
  return { status: 200, body: {} };
}

/** The part of `content` that a `Range` header asks for, as status 206, or 416. */
export function rangeAnswer(
  call: Call,
  content: Buffer,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const written = call.header('range');
  if (written === '') return { status: 200, body: content, headers };
  const place = /^bytes=(\d*)-(\d*)$/u.exec(written);
  const size = content.byteLength;
  const [, from = '', to = ''] = place ?? [];
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (place === null || first > last || first >= size)
    return { status: 416, headers: { 'content-range': `bytes */${size}` }, body: {} };
  return {
    status: 206,
    headers: { ...headers, 'content-range': `bytes ${first}-${last}/${size}` },
    body: content.subarray(first, last + 1),
  };
}
