import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An HTTP server in front of a socket that answers some calls with 403, as proxies of a container engine do. */
export interface ForbiddingProxy extends AsyncDisposable {
  /** `tcp://127.0.0.1:PORT`. */
  readonly address: string;
}

/** `isForbidden` sees the method and the path of each call. */
export async function forbiddingProxy(
  socketPath: string,
  isForbidden: (call: string) => boolean,
): Promise<ForbiddingProxy> {
  const server = createServer((incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming;
    if (isForbidden(`${method} ${url}`)) {
      outgoing.writeHead(403, { 'content-type': 'text/html' });
      outgoing.end('<html><body><h1>403 Forbidden</h1></body></html>');
      return;
    }
    const onward = request({ socketPath, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
