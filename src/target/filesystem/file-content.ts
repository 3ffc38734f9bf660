/** Writing content at offsets of an open file. Errors are those of `node:fs` (`ENOSPC`, `EFBIG`, `EIO`). */
import { ftruncateSync, readSync, writeSync } from 'node:fs';

import { dataExtents, punchHole } from '../../base/posix/file-extents.ts';

/** The unit in which content is compared and rewritten: what a file system allocates. */
const block = 4096;

/** Writes all of `bytes` at `position`. */
export function writeAt(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}

/** Makes the file this long; what is new of it is a hole. */
export function setSize(fd: number, size: number): void {
  ftruncateSync(fd, size);
}

/**
 * Writes those blocks of `bytes` that the file does not have at `position` yet.
 *
 * @param scratch at least as long as `bytes`; its content is lost
 * @returns how many bytes were written
 */
export function writeIfDifferent(
  fd: number,
  bytes: Uint8Array,
  position: number,
  scratch: Uint8Array,
): number {
  const length = bytes.length;
  let present = 0;
  while (present < length) {
    const count = readSync(fd, scratch, present, length - present, position + present);
    if (count === 0) break;
    present += count;
  }
  let written = 0;
  for (let start = 0; start < length;) {
    // Blocks are those of the file, not of the piece.
    let end = nextBoundary(position + start) - position;
    if (isSame(bytes, scratch, start, Math.min(end, length), present)) {
      start = Math.min(end, length);
      continue;
    }
    while (end < length && !isSame(bytes, scratch, end, Math.min(end + block, length), present)) {
      end += block;
    }
    end = Math.min(end, length);
    writeAt(fd, bytes.subarray(start, end), position + start);
    written += end - start;
    start = end;
  }
  return written;
}

function nextBoundary(position: number): number {
  return position - (position % block) + block;
}

function isSame(
  bytes: Uint8Array,
  found: Uint8Array,
  start: number,
  end: number,
  present: number,
): boolean {
  if (end > present) return false;
  return Buffer.compare(bytes.subarray(start, end), found.subarray(start, end)) === 0;
}

/**
 * Makes a stretch of an existing file read as zeros: a hole where the file system can, else zeros where it has others.
 * What lies beyond the end of the file is left to `setSize`.
 *
 * @param scratch some room for comparing; its content is lost
 */
export function clearRange(
  fd: number,
  position: number,
  length: number,
  fileSize: number,
  scratch: Uint8Array,
): void {
  const end = Math.min(position + length, fileSize);
  if (end <= position || punchHole(fd, position, end - position)) return;
  const zeros = new Uint8Array(scratch.length);
  for (const extent of dataExtents(fd, end)) {
    const last = Math.min(extent.offset + extent.length, end);
    for (let at = Math.max(extent.offset, position); at < last; at += zeros.length) {
      writeIfDifferent(fd, zeros.subarray(0, Math.min(zeros.length, last - at)), at, scratch);
    }
  }
}
