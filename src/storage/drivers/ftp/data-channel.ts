import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';

import { type FTPContext, FTPError } from 'basic-ftp';

import type { Reception } from './reception.ts';
import { ConnectionFailure } from './translate-error.ts';

/** How the second connection of a transfer comes about; `automatic` is `extended`, or `passive` where the server does not know that. */
export type DataConnection = 'automatic' | 'extended' | 'passive' | 'active';

/** Sends a command and gives the text of its answer; rejects with the server's refusal. */
export type Ask = (command: string) => Promise<string>;

/** A data connection and, with TLS, when both sides have agreed: what ends before that was never there. Also settles when it breaks. */
export interface DataSocket {
  readonly socket: Socket;
  readonly agreed: Promise<void>;
  /** What comes goes to the reception it was opened with, without any help. */
  readonly isDirect: boolean;
}

/** The connection that the bytes of one transfer go over. */
export interface DataChannel {
  /** When the command of the transfer may be sent. */
  readonly prepared: Promise<void>;
  /** The connection itself; in active mode it comes only after the command. */
  readonly socket: Promise<DataSocket>;
  destroy(): void;
}

/**
 * Opens the channel of the next transfer: asks the server for a port, or offers one of ours. `mode` is never `automatic`. What comes goes right to `reception`
 * where that can be.
 */
export async function openDataChannel(
  context: FTPContext,
  mode: Exclude<DataConnection, 'automatic'>,
  ask: Ask,
  reception?: Reception,
): Promise<DataChannel> {
  if (mode === 'active') return offerPort(context, ask);
  const port =
    mode === 'extended'
      ? extendedPort(await askForPort('EPSV', ask))
      : passivePort(await askForPort('PASV', ask));
  // The address in the answer is not used: behind a NAT it is wrong, and a hostile server could send us anywhere.
  const host = context.socket.remoteAddress;
  if (host === undefined) throw new ConnectionFailure(new Error('The connection was closed'));
  // Of a download nobody hears that the line is dead: nothing is sent that could fail.
  const isDirect = reception !== undefined && !(context.socket instanceof TLSSocket);
  const raw = connect({
    host,
    port,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    ...(isDirect && { onread: reception.onread }),
  });
  const connected = new Promise<void>((resolve, reject) => {
    const failed = (error: Error): void => reject(new ConnectionFailure(error));
    const closed = (): void => failed(new Error('The connection was closed'));
    raw.once('error', failed);
    raw.once('close', closed);
    raw.once('connect', () => {
      raw.off('error', failed);
      raw.off('close', closed);
      resolve();
    });
  });
  // Whoever waits is told; a channel that is given up has nobody who does.
  connected.catch(() => undefined);
  let top = raw;
  const socket = connected.then(() => {
    const data = secured(context, raw);
    top = data.socket;
    return { ...data, isDirect };
  });
  socket.catch(() => undefined);
  // Node crashes when the connection below one with TLS is destroyed while something is being written.
  return { prepared: connected, socket, destroy: () => destroyQuietly(top) };
}

/** The sessions of some servers (ProFTPD) choose their ports each for itself, and may meet one that was taken a moment ago: the next one is another. */
async function askForPort(command: string, ask: Ask): Promise<string> {
  for (let left = 4; ; left--) {
    try {
      return await ask(command);
    } catch (error) {
      if (left === 0 || !(error instanceof FTPError) || error.code !== 425) throw error;
    }
  }
}

/** Whether an answer to EPSV means that the server knows only PASV. */
export function lacksExtended(error: unknown): boolean {
  return error instanceof FTPError && error.code >= 500 && error.code !== 530;
}

/** The server connects to a port of ours; nobody else may. */
async function offerPort(context: FTPContext, ask: Ask): Promise<DataChannel> {
  const { localAddress = '', remoteAddress } = context.socket;
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new ConnectionFailure(error)));
    server.listen(0, localAddress, resolve);
  });
  let accepted: Socket | undefined;
  const socket = new Promise<DataSocket>((resolve, reject) => {
    server.on('connection', (candidate) => {
      if (candidate.remoteAddress !== remoteAddress || accepted !== undefined) {
        destroyQuietly(candidate);
        return;
      }
      const data = secured(context, candidate);
      accepted = data.socket;
      server.close();
      resolve({ ...data, isDirect: false });
    });
    server.once('close', () => {
      if (accepted === undefined)
        reject(new ConnectionFailure(new Error('The server did not connect')));
    });
  });
  socket.catch(() => undefined);
  const destroy = (): void => {
    server.close();
    if (accepted !== undefined) destroyQuietly(accepted);
  };
  try {
    await ask(offer(localAddress, server));
  } catch (error) {
    destroy();
    throw error;
  }
  return { prepared: Promise.resolve(), socket, destroy };
}

function offer(address: string, server: Server): string {
  const { port } = server.address() as AddressInfo;
  const plain = address.replace(/^::ffff:/iu, '');
  if (plain.includes(':')) return `EPRT |2|${plain}|${port}|`;
  return `PORT ${[...plain.split('.'), port >> 8, port & 255].join(',')}`;
}

/** TLS over the channel where the control connection has it, with the session of that one: many servers demand it. */
function secured(context: FTPContext, raw: Socket): Omit<DataSocket, 'isDirect'> {
  raw.on('error', () => undefined);
  if (!(context.socket instanceof TLSSocket)) return { socket: raw, agreed: Promise.resolve() };
  const session = context.tlsSessionStore ?? context.socket.getSession();
  const socket = connectTls({
    ...context.tlsOptions,
    socket: raw,
    ...(session !== undefined && { session }),
  });
  // Tickets of TLS 1.3 are good for one connection: the next one takes the newest.
  socket.on('session', (next: Buffer) => void (context.tlsSessionStore = next));
  socket.on('error', () => undefined);
  const agreed = new Promise<void>((resolve) => {
    socket.once('secureConnect', resolve);
    socket.once('close', () => resolve());
  });
  return { socket, agreed };
}

function destroyQuietly(socket: Socket): void {
  socket.on('error', () => undefined);
  socket.destroy();
}

function extendedPort(answer: string): number {
  return checkedPort(
    Number(/([|!])\1\1(?<port>[0-9]{1,5})\1/u.exec(answer)?.groups?.['port']),
    answer,
  );
}

function passivePort(answer: string): number {
  const [, high, low] =
    /[0-9]{1,3},[0-9]{1,3},[0-9]{1,3},[0-9]{1,3},([0-9]{1,3}),([0-9]{1,3})/u.exec(answer) ?? [];
  return checkedPort(Number(high) * 256 + Number(low), answer);
}

function checkedPort(port: number, answer: string): number {
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new ConnectionFailure(new Error(`The server names no port: ${answer}`));
}
