import type { Readable } from 'node:stream';

/** A way to the server's SFTP subsystem, whoever made it. */
export interface ByteChannel extends AsyncDisposable {
  /** What the server says. */
  readonly output: Readable;
  /** Sends the parts one after the other, as one piece where that is cheaper. They must not change until the server has answered. */
  send(parts: readonly Uint8Array[]): void;
  /** Resolves, with the reason, when nothing can pass any more. Never rejects. */
  readonly ended: Promise<Error>;
}
