import { connect, createServer, type Socket } from 'node:net';
import { Transform } from 'node:stream';

/** What a proxy does to the connections through it; may be changed at any time and holds for bytes that pass afterwards. */
export interface ProxyFaults {
  /** Milliseconds that each piece is held back, in each direction: 15 make a round trip of 30. */
  delay?: number;
  /** Every connection is cut after so many bytes have been sent by the client. */
  cutAfterSent?: number;
  /** Every connection is cut after so many bytes have been received by the client. */
  cutAfterReceived?: number;
  /** How many connections are still to be cut; without it, every one. */
  cuts?: number;
  /** Bytes a second in each direction. */
  rate?: number;
  /** Nothing passes any more, and nothing is closed. */
  stalled?: boolean;
}

/** A way to a server on loopback that can be slow, cut or dead. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  readonly faults: ProxyFaults;
  /** How many connections have been made. */
  readonly connections: number;
  /** How many of them were cut. */
  readonly cuts: number;
  /** Bytes that have passed, by client and by server. */
  readonly sent: number;
  readonly received: number;
  /** Cuts all connections that are open. */
  cutAll(): void;
}

/** Where a proxy listens, besides at a port of its own on 127.0.0.1. */
export interface ProxyPlace {
  /** Another address of loopback. */
  readonly host?: string;
  /** Ports that are the same on both sides, as those of the data connections of FTP: then `host` must be another one than the server's. */
  readonly relayed?: readonly number[];
}

export async function tcpProxy(
  target: number,
  faults: ProxyFaults = {},
  { host = '127.0.0.1', relayed = [] }: ProxyPlace = {},
): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const count = { connections: 0, cuts: 0, sent: 0, received: 0 };
  const relay =
    (port: number) =>
    (client: Socket): void => {
      count.connections++;
      const upstream = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      const cut = (): void => {
        count.cuts++;
        if (faults.cuts !== undefined) faults.cuts--;
        client.resetAndDestroy();
        upstream.destroy();
      };
      for (const socket of [client, upstream]) {
        sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('error', () => {
          client.destroy();
          upstream.destroy();
        });
        socket.once('close', () => {
          sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
      }
      client.pipe(wire(faults, 'cutAfterSent', cut, (size) => (count.sent += size))).pipe(upstream);
      upstream
        .pipe(wire(faults, 'cutAfterReceived', cut, (size) => (count.received += size)))
        .pipe(client);
    };
  const servers = [createServer({ allowHalfOpen: true }, relay(target))];
  for (const port of relayed) servers.push(createServer({ allowHalfOpen: true }, relay(port)));
  await Promise.all(
    servers.map(
      (server, index) =>
        new Promise<void>((resolve, reject) => {
          server.once('error', reject);
          server.listen(index === 0 ? 0 : relayed[index - 1], host, resolve);
        }),
    ),
  );
  const address = servers[0]?.address();
  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    faults,
    get connections() {
      return count.connections;
    },
    get cuts() {
      return count.cuts;
    },
    get sent() {
      return count.sent;
    },
    get received() {
      return count.received;
    },
    cutAll,
    async [Symbol.asyncDispose]() {
      cutAll();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

/** One direction of a connection. The delay does not limit how much is on the way, as on a real line. */
function wire(
  faults: ProxyFaults,
  limit: 'cutAfterSent' | 'cutAfterReceived',
  cut: () => void,
  passed: (size: number) => void,
): Transform {
  let bytes = 0;
  let last: Promise<unknown> = Promise.resolve();
  return new Transform({
    highWaterMark: 1024 ** 2,
    transform(piece: Buffer, _, done) {
      if (faults.stalled === true) return;
      const most = faults.cuts === 0 ? undefined : faults[limit];
      if (most !== undefined && bytes + piece.byteLength > most) {
        this.push(piece.subarray(0, Math.max(0, most - bytes)));
        setImmediate(cut);
        return;
      }
      bytes += piece.byteLength;
      passed(piece.byteLength);
      const { rate, delay } = faults;
      if (rate !== undefined) {
        setTimeout(() => done(null, piece), (piece.byteLength / rate) * 1000);
      } else if (delay !== undefined && delay > 0) {
        const due = new Promise((resolve) => setTimeout(resolve, delay));
        last = Promise.all([last, due]).then(() => this.push(piece));
        done();
      } else done(null, piece);
    },
    flush(done) {
      last.then(() => done(), done);
    },
  });
}
