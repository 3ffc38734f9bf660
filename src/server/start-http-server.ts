import { createApp } from './app.ts';
import { hostNamesOf, listen, type ListeningServer, parseListen } from './listen.ts';
import type { ServerContext } from './server-context.ts';

export interface HttpServerOptions extends Omit<ServerContext, 'closing' | 'hostNames'> {
  /** `HOST:PORT`; `DEFAULT_LISTEN` is for this machine alone. */
  readonly listen: string;
  /** Names under which it may be called; by default those of the loopback if it listens there, else any. */
  readonly hostNames?: readonly string[];
}

/**
 * Starts the HTTP interface of the service: health, metrics, API. For `holdfast server`, which loads this file only if it is wanted:
 *
 *     const { startHttpServer } = await import('../../server/start-http-server.ts');
 *     await using http = await startHttpServer({ catalog, clock, statuses, feed, log, version, hostName, token: await apiToken(stateDirectory, environment), listen });
 *
 * Dispose of it before the catalog: requests that are under way get five seconds, event streams end at once.
 *
 * @throws AppError `input/invalid` if it cannot listen there
 */
export async function startHttpServer(options: HttpServerOptions): Promise<ListeningServer> {
  const address = parseListen(options.listen);
  const closing = new AbortController();
  const hostNames = options.hostNames ?? hostNamesOf(address);
  const app = createApp({ ...options, hostNames, closing: closing.signal });
  const server = await listen(app, address);
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      closing.abort();
      await server[Symbol.asyncDispose]();
    },
  };
}
