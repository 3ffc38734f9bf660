/**
 * Writing past the page cache (`O_DIRECT`; open(2), notes). The bytes go from our memory to the disk: the kernel neither copies them nor puts
 * out of its cache what other programs of the machine work with. Position, length and memory of such a write are multiples of `directUnit`.
 */
import { constants } from 'node:fs';

import { F_GETFL, F_SETFL } from './linux-constants.ts';
import { libc } from './libc.ts';
import { posixSupport } from './support.ts';

/** In bytes. No disk has larger sectors, no system that we know smaller pages. */
export const directUnit = 4096;

/** Has writes to an open file go past the page cache from now on; `false` where system or file system cannot. */
export function beginDirectWrites(fd: number): boolean {
  return posixSupport().native && setFlags(fd, (flags) => flags | constants.O_DIRECT);
}

/** Has writes to an open file go through the page cache again. */
export function endDirectWrites(fd: number): void {
  setFlags(fd, (flags) => flags & ~constants.O_DIRECT);
}

/** Memory of `size` bytes that can be written from directly, where direct writes are possible at all; in a buffer that `allocate` makes. */
export function directMemory<Buffer extends ArrayBufferLike>(
  size: number,
  allocate: (size: number) => Buffer,
): Uint8Array<Buffer> {
  const buffer = allocate(size + directUnit);
  return new Uint8Array(buffer, -addressOf(new Uint8Array(buffer)) & (directUnit - 1), size);
}

/** Whether bytes begin where a direct write can begin. */
export function isDirectMemory(bytes: Uint8Array): boolean {
  return addressOf(bytes) === 0;
}

/** The last digits of an address: as a number below `directUnit`. */
function addressOf(bytes: Uint8Array): number {
  if (!posixSupport().native) return 0;
  return Number(libc().addressOf(bytes) & BigInt(directUnit - 1));
}

function setFlags(fd: number, change: (flags: number) => number): boolean {
  const flags = libc().fcntlNumber(fd, F_GETFL, 0);
  return flags >= 0 && libc().fcntlNumber(fd, F_SETFL, change(flags)) === 0;
}
