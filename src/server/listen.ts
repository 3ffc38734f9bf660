import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';

import { AppError, messageOf, systemCodeOf } from '../base/errors.ts';

/** Where the server listens unless something else is said: for this machine alone. */
export const DEFAULT_LISTEN = '127.0.0.1:8200';
/** How long requests that are under way may go on when the server ends, in milliseconds. */
const GRACE = 5000;
const SWEEP = 50;

export interface ListenAddress {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** A server that listens; disposing of it ends it in order. */
export interface ListeningServer extends AsyncDisposable {
  readonly address: ListenAddress;
  /** `http://127.0.0.1:8200` */
  readonly url: string;
}

/** Reads `HOST:PORT`, `[IPv6]:PORT`, `:PORT` (all addresses) or `PORT`. Throws `input/invalid`. */
export function parseListen(text: string): ListenAddress {
  const [, bracketed, plain, digits = ''] =
    /^(?:(?:\[([^\]]+)\]|([^:[\]]*)):)?(\d{1,5})$/u.exec(text.trim()) ?? [];
  const port = digits === '' ? Number.NaN : Number(digits);
  if (port <= 65_535) {
    const host = bracketed ?? plain ?? '127.0.0.1';
    return { host: host === '' || host === '*' ? '0.0.0.0' : host, port };
  }
  throw new AppError('input/invalid', `"${text}" is no address to listen at`, {
    hint: `Write HOST:PORT, such as ${DEFAULT_LISTEN}, or :8200 for all addresses`,
  });
}

export const isLoopback = ({ host }: Pick<ListenAddress, 'host'>): boolean =>
  /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/iu.test(host);

/** The names under which a server at this address may be called; `undefined`: any, because it is meant for others. */
export function hostNamesOf(address: Pick<ListenAddress, 'host'>): readonly string[] | undefined {
  if (!isLoopback(address)) return undefined;
  return ['localhost', '127.0.0.1', '[::1]', address.host.toLowerCase()];
}

/**
 * Serves an application. Resolves when it listens.
 *
 * @throws AppError `input/invalid` if it cannot listen there
 */
export async function listen(app: Hono, address: ListenAddress): Promise<ListeningServer> {
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(address, cause)));
    server.listen(address.port, address.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const { host } = address;
  return {
    address: { host, port },
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => server.closeAllConnections(), GRACE);
        // A connection is kept for the next request after the one that is under way now.
        const sweeper = setInterval(() => server.closeIdleConnections(), SWEEP);
        server.close(() => {
          clearTimeout(timer);
          clearInterval(sweeper);
          resolve();
        });
        server.closeIdleConnections();
      });
    },
  };
}

function cannotListen({ host, port }: ListenAddress, cause: unknown): AppError {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another program does',
    EACCES: 'that needs more rights',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'the name is not known',
  };
  const reason = reasons[systemCodeOf(cause) ?? ''] ?? messageOf(cause);
  return new AppError('input/invalid', `Cannot listen at "${host}:${port}": ${reason}`, {
    cause,
    hint: 'Give another address with --listen, or "--listen none"',
  });
}
