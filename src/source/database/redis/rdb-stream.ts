import { AppError } from '../../../base/errors.ts';
import { Crc64 } from './crc64.ts';

/** The opcode that ends a dump; its checksum comes after it. */
const endOpcode = 0xff;
const checksumLength = 8;
/** What the server writes behind a dump that it makes while it sends it; redis-cli leaves it there when it writes to a pipe. */
const markLength = 40;
const held = 1 + checksumLength + markLength;

/**
 * Passes a dump of Redis on, without the mark that the server ends the transfer with, and sees to it that it is whole: the last opcode and the checksum of all of
 * it are right.
 *
 * @throws AppError `database/failed`
 */
export async function* checkRdb(
  pieces: AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<Uint8Array, void, void> {
  const checksum = new Crc64();
  let tail = Buffer.alloc(0);
  for await (const piece of pieces) {
    const all = Buffer.concat([tail, piece]);
    const ready = all.subarray(0, Math.max(0, all.length - held));
    tail = Buffer.from(all.subarray(ready.length));
    if (ready.length === 0) continue;
    checksum.update(ready);
    yield ready;
  }
  for (const length of [tail.length, tail.length - markLength]) {
    if (!isEnd(tail.subarray(0, Math.max(0, length)), checksum.copy())) continue;
    yield tail.subarray(0, length);
    return;
  }
  throw new AppError(
    'database/failed',
    `${what} is not complete: its end or its checksum is wrong`,
  );
}

function isEnd(bytes: Buffer, checksum: Crc64): boolean {
  const at = bytes.length - checksumLength;
  if (at < 1 || bytes[at - 1] !== endOpcode) return false;
  const stored = bytes.readBigUInt64LE(at);
  // Servers with "rdbchecksum no" write none.
  return stored === 0n || stored === checksum.update(bytes.subarray(0, at)).value;
}
