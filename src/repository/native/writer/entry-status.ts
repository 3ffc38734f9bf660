import type { InodeStatus } from '../../../base/posix/inode-status.ts';
import { S_IFDIR, S_IFMT, S_IFREG } from '../../../base/posix/linux-constants.ts';
import { typeBitsOf, type SourceEntry } from '../../../model/entry.ts';

/**
 * Everything of `lstat` that tells a change, as the source cache keeps it: fourteen words in this machine's order of bytes, since no other machine reads them. Type,
 * size, times of modification and of change, device, inode, number of names.
 */
const words = new Uint32Array(14);
const bytes = new Uint8Array(words.buffer);

export const statusSize = bytes.length;

const noStatus = new Uint8Array(0);

/**
 * The status of an entry. `quietSince`: the entry must have been left alone since then (seconds); otherwise the
 * next change could leave the same times, and the answer is empty, which equals nothing.
 */
export function statusOf(entry: SourceEntry, quietSince: number): Uint8Array {
  const { mtime, ctime, inode } = entry;
  if (ctime.seconds >= quietSince || mtime.seconds >= quietSince) return noStatus;
  setTimes(mtime.seconds, mtime.nanoseconds, ctime.seconds, ctime.nanoseconds);
  setRest(typeBitsOf(entry.type), entry.size, entry.device, entry.links);
  words[11] = Number(inode & 0xffffffffn);
  words[12] = Number(inode >> 32n);
  return bytes.slice();
}

/** Whether the status that begins at `start` of `row` is that of what the system shows, and would be remembered. */
export function isStatusOf(
  row: Uint8Array,
  start: number,
  shown: InodeStatus,
  quietSince: number,
): boolean {
  const { mtimeSeconds, ctimeSeconds } = shown;
  if (ctimeSeconds >= quietSince || mtimeSeconds >= quietSince) return false;
  setTimes(mtimeSeconds, shown.mtimeNanoseconds, ctimeSeconds, shown.ctimeNanoseconds);
  const type = shown.mode & S_IFMT;
  const size = type === S_IFREG ? shown.size : 0;
  setRest(type, size, shown.device, type === S_IFDIR ? 1 : shown.links);
  words[11] = shown.inodeLow;
  words[12] = shown.inodeHigh;
  for (let index = 0; index < statusSize; index++) {
    if (row[start + index] !== bytes[index]) return false;
  }
  return true;
}

function setTimes(
  mtimeSeconds: number,
  mtimeNanoseconds: number,
  ctimeSeconds: number,
  ctimeNanoseconds: number,
): void {
  setLong(3, mtimeSeconds);
  words[5] = mtimeNanoseconds;
  setLong(6, ctimeSeconds);
  words[8] = ctimeNanoseconds;
}

function setRest(type: number, size: number, device: number, links: number): void {
  words[0] = type;
  setLong(1, size);
  setLong(9, device);
  words[13] = links;
}

/** An integer as two words, of which the upper one is negative if it is. */
function setLong(index: number, value: number): void {
  words[index] = value;
  words[index + 1] = Math.floor(value / 0x1_0000_0000);
}

/** What is known of an entry from its status alone. */
export type StatusFields = Pick<
  SourceEntry,
  'size' | 'links' | 'ctime' | 'mtime' | 'inode' | 'device'
>;

/** The fields of a status that was kept. */
export function fieldsOfStatus(status: Uint8Array): StatusFields {
  const view = new Uint32Array(status.slice().buffer);
  const word = (index: number): number => view[index]!;
  const long = (index: number): number => (word(index + 1) | 0) * 0x1_0000_0000 + word(index);
  return {
    size: long(1),
    mtime: { seconds: long(3), nanoseconds: word(5) },
    ctime: { seconds: long(6), nanoseconds: word(8) },
    device: long(9),
    inode: (BigInt(word(12)) << 32n) | BigInt(word(11)),
    links: word(13),
  };
}
