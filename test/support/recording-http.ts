import { createServer as createPlain, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecure } from 'node:https';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import type { TestCertificate } from '../servers/certificate.ts';

/** A request as it came. */
export interface RecordedRequest {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  /** Of a JSON body. */
  json(): unknown;
}

/** An answer, or nothing: then the request is left without one. */
export type Answer =
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  | undefined;

export interface RecordingHttp extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly address: string;
  readonly port: number;
  /** All so far. */
  readonly requests: RecordedRequest[];
}

/** An HTTP server of the tests' own that writes down what it is sent and answers what it is told to. */
export async function recordingHttp(
  answer: (request: RecordedRequest) => Answer | Promise<Answer> = () => ({}),
  certificate?: TestCertificate,
): Promise<RecordingHttp> {
  const requests: RecordedRequest[] = [];
  const listener = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(incoming);
    const request: RecordedRequest = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers as Readonly<Record<string, string | undefined>>,
      body,
      json: () => JSON.parse(body) as unknown,
    };
    requests.push(request);
    const said = await answer(request);
    if (said === undefined) return;
    response.writeHead(said.status ?? 200, said.headers);
    response.end(said.body ?? '');
  };
  const handle = (incoming: IncomingMessage, response: ServerResponse): void => {
    listener(incoming, response).catch(() => response.destroy());
  };
  const server =
    certificate === undefined
      ? createPlain(handle)
      : createSecure(
          { cert: await readFile(certificate.certificate), key: await readFile(certificate.key) },
          handle,
        );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}
