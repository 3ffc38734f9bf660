import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';

import { discardBytes } from '../../base/discard-bytes.ts';

/** What came of a connection. */
export interface Filled {
  /** Of exactly the length that was wanted; what did not come is not defined. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes that came, at most one piece more than were wanted. */
  readonly seen: number;
}

/**
 * Takes `length` bytes from a connection by the shortest way: what comes is copied right to its place, and its buffer freed, since V8 would collect all of its heap
 * for every few dozen megabytes of them. The connection is destroyed when more comes. `moved` is called whenever something comes. Rejects with what it fails with.
 */
export async function fill(
  connection: Readable,
  length: number,
  moved: () => void = () => undefined,
): Promise<Filled> {
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  let seen = 0;
  let taken: Uint8Array | undefined;
  connection.on('data', (piece: Buffer) => {
    if (seen + piece.length <= length) bytes.set(piece, seen);
    seen += piece.length;
    moved();
    if (seen > length) connection.destroy();
    // Whoever gave the piece may look at it until the next one comes.
    if (taken !== undefined) discardBytes(taken);
    taken = endsItsBuffer(piece) ? piece : undefined;
  });
  try {
    await finished(connection, { writable: false });
  } catch (error) {
    if (seen <= length) throw error;
  }
  return { bytes, seen };
}

/** Behind it there may be more in the buffer that somebody still has to see, before it nothing. */
function endsItsBuffer({ byteOffset, byteLength, buffer }: Uint8Array): boolean {
  return byteOffset + byteLength === buffer.byteLength;
}
