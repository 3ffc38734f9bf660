import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectSecure } from 'node:tls';

import type { CallOptions } from '../base/call-options.ts';
import { connectionProblem } from './connection-problem.ts';
import type { Trust } from './http/http-client.ts';

export interface TcpExchange extends CallOptions {
  readonly host: string;
  readonly port: number;
  /** With TLS, whom to trust. */
  readonly trust?: Trust;
  readonly content: Uint8Array;
  /** Milliseconds for all of it. */
  readonly timeout: number;
  /** As `send to "ops" by host`. */
  readonly action: string;
}

const longestAnswer = 64 * 1024;

/** Connects, sends, and resolves with what the other side says until it closes. Rejects with `notify/failed` or `signal.reason`. */
export async function tcpExchange(exchange: TcpExchange): Promise<Uint8Array> {
  const { host, port, trust, content, timeout, action, signal } = exchange;
  signal?.throwIfAborted();
  const limit = AbortSignal.timeout(timeout);
  const socket: Socket =
    trust === undefined
      ? connectPlain({ host, port })
      : connectSecure({ host, port, ...(isIP(host) === 0 && { servername: host }), ...trust });
  const stop = (): void => {
    socket.destroy(new Error('stopped'));
  };
  limit.addEventListener('abort', stop, { once: true });
  signal?.addEventListener('abort', stop, { once: true });
  try {
    // Only once it is connected: `end` before that would hide a certificate that is refused.
    await new Promise<void>((resolve, reject) => {
      socket.once(trust === undefined ? 'connect' : 'secureConnect', resolve);
      socket.once('error', reject);
    });
    socket.end(content);
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of socket as AsyncIterable<Uint8Array>) {
      pieces.push(piece);
      length += piece.byteLength;
      if (length >= longestAnswer) break;
    }
    return Buffer.concat(pieces);
  } catch (error) {
    signal?.throwIfAborted();
    throw connectionProblem(error, action, limit.aborted);
  } finally {
    limit.removeEventListener('abort', stop);
    signal?.removeEventListener('abort', stop);
    socket.destroy();
  }
}
