import { Socket } from 'node:net';

import { buildConnector } from 'undici';

import type { TlsTrust } from './tls.ts';

/** Makes the connections of an HTTP client and knows those that are not made yet: the client itself would wait for them until the end, and so would the program. */
export class PendingConnections implements Disposable {
  readonly #pending = new Set<Socket>();

  /** `timeout` in milliseconds. */
  connector(trust: TlsTrust, timeout: number): buildConnector.connector {
    const connect = buildConnector({ ...trust, timeout });
    return (options, callback) => {
      let socket: unknown;
      const settle: buildConnector.Callback = (...outcome) => {
        if (socket instanceof Socket) this.#pending.delete(socket);
        callback(...outcome);
      };
      // It gives the socket, though its type does not say so.
      socket = connect(options, settle);
      if (socket instanceof Socket) this.#pending.add(socket);
    };
  }

  [Symbol.dispose](): void {
    for (const socket of this.#pending)
      socket.destroy(new Error('The connection is not needed any more'));
    this.#pending.clear();
  }
}
