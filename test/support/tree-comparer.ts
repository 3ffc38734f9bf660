/**
 * Compares two directory trees at the level of system calls, with its own way through them: whatever the program under
 * test believes, this looks for itself.
 */
import { type BigIntStats, closeSync, constants, fstatSync, lstatSync } from 'node:fs';
import { openSync, readdirSync, readlinkSync, readSync } from 'node:fs';

import { compareBytes } from '../../src/base/bytes.ts';
import { readExtendedAttributes } from '../../src/base/posix/extended-attributes.ts';
import { dataExtents } from '../../src/base/posix/file-extents.ts';
import { getFileFlags } from '../../src/base/posix/file-flags.ts';
import { joinPath } from '../../src/base/posix/path-bytes.ts';
import { quotePath } from '../../src/base/posix/system-error.ts';

/** What can differ between two trees. */
export type ComparedAspect =
  | 'presence'
  | 'type'
  | 'mode'
  | 'owner'
  | 'mtime'
  | 'size'
  | 'content'
  | 'holes'
  | 'link-target'
  | 'device'
  | 'xattrs'
  | 'flags'
  | 'hard-links';

/** One difference between two trees. */
export interface TreeDifference {
  /** Quoted, below the roots; `""` is the root. */
  readonly path: string;
  readonly what: ComparedAspect;
  readonly left: string;
  readonly right: string;
}

/** What does not count. */
export interface CompareOptions {
  readonly ignore?: readonly ComparedAspect[];
  /** Paths (as in `TreeDifference`) that are left out, with everything below. */
  readonly without?: readonly string[];
}

/** All differences, in order of paths; empty if the right tree is an exact copy of the left one. */
export function compareTrees(
  left: string,
  right: string,
  options: CompareOptions = {},
): TreeDifference[] {
  const comparer = new Comparer(options);
  comparer.compareEntries(Buffer.from(left), Buffer.from(right), Buffer.alloc(0));
  comparer.compareGroups();
  return comparer.differences;
}

const block = 4096;
const readSize = 1 << 20;
const keptFlags = 0x70;

class Comparer {
  readonly differences: TreeDifference[] = [];
  readonly #options: CompareOptions;
  /** Inode → the first path it was seen under; path → that first path. */
  readonly #firstLeft = new Map<string, string>();
  readonly #firstRight = new Map<string, string>();
  readonly #groups = new Map<string, readonly [string, string]>();
  readonly #bufferLeft = Buffer.alloc(readSize);
  readonly #bufferRight = Buffer.alloc(readSize);

  constructor(options: CompareOptions) {
    this.#options = options;
  }

  compareEntries(left: Buffer, right: Buffer, path: Buffer): void {
    const name = quotePath(path);
    if (this.#options.without?.includes(name) === true) return;
    const a = lstatSync(left, { bigint: true });
    const b = lstatSync(right, { bigint: true });
    const type = (stats: BigIntStats): string => (Number(stats.mode) >>> 12).toString(8);
    if (type(a) !== type(b)) {
      this.#add(name, 'type', type(a), type(b));
      return;
    }
    this.#differ(name, 'mode', (a.mode & 0o7777n).toString(8), (b.mode & 0o7777n).toString(8));
    this.#differ(name, 'owner', `${a.uid}:${a.gid}`, `${b.uid}:${b.gid}`);
    this.#differ(name, 'mtime', String(a.mtimeNs), String(b.mtimeNs));
    this.#differ(name, 'device', deviceOf(a), deviceOf(b));
    this.#differ(name, 'xattrs', attributesOf(left), attributesOf(right));
    if (a.isSymbolicLink()) this.#differ(name, 'link-target', targetOf(left), targetOf(right));
    if (a.isFile() || a.isDirectory()) this.#compareOpened(left, right, path, a.isDirectory());
    if (!a.isDirectory()) {
      this.#groups.set(name, [
        this.#firstOf(this.#firstLeft, a, name),
        this.#firstOf(this.#firstRight, b, name),
      ]);
    }
  }

  compareGroups(): void {
    for (const [name, [left, right]] of this.#groups) this.#differ(name, 'hard-links', left, right);
  }

  #firstOf(known: Map<string, string>, stats: BigIntStats, name: string): string {
    const inode = `${stats.dev}:${stats.ino}`;
    const first = known.get(inode);
    if (first !== undefined) return first;
    known.set(inode, name);
    // A name outside of the tree makes a difference, too: a single name may not become one of several.
    return name;
  }

  #compareOpened(left: Buffer, right: Buffer, path: Buffer, isDirectory: boolean): void {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const a = openSync(left, flags);
    try {
      const b = openSync(right, flags);
      try {
        this.#differ(quotePath(path), 'flags', flagsOf(a), flagsOf(b));
        if (isDirectory) this.#compareChildren(a, b, path);
        else this.#compareFiles(a, b, quotePath(path));
      } finally {
        closeSync(b);
      }
    } finally {
      closeSync(a);
    }
  }

  #compareChildren(a: number, b: number, path: Buffer): void {
    // Through handles, so that paths may be longer than the system takes.
    const left = Buffer.from(`/proc/self/fd/${a}`);
    const right = Buffer.from(`/proc/self/fd/${b}`);
    const namesLeft = readdirSync(left, { encoding: 'buffer' }).sort(compareBytes);
    const namesRight = readdirSync(right, { encoding: 'buffer' }).sort(compareBytes);
    const isIn = (names: readonly Buffer[], wanted: Buffer): boolean =>
      names.some((name) => name.equals(wanted));
    for (const name of namesLeft) {
      const below = joinPath(path, name);
      if (isIn(namesRight, name)) {
        this.compareEntries(joinPath(left, name), joinPath(right, name), below);
      } else this.#differ(quotePath(below), 'presence', 'present', 'missing');
    }
    for (const name of namesRight) {
      if (isIn(namesLeft, name)) continue;
      this.#differ(quotePath(joinPath(path, name)), 'presence', 'missing', 'present');
    }
  }

  #compareFiles(a: number, b: number, name: string): void {
    const sizeLeft = Number(fstatSync(a, { bigint: true }).size);
    const sizeRight = Number(fstatSync(b, { bigint: true }).size);
    this.#differ(name, 'size', String(sizeLeft), String(sizeRight));
    if (sizeLeft !== sizeRight) return;
    const left = blocksWithData(a, sizeLeft);
    const right = blocksWithData(b, sizeRight);
    this.#differ(name, 'holes', describe(left), describe(right));
    for (const [start, end] of [...left, ...right]) {
      for (let at = start; at < end; at += readSize) {
        const length = Math.min(readSize, end - at);
        const one = this.#bufferLeft.subarray(0, readFully(a, this.#bufferLeft, length, at));
        const other = this.#bufferRight.subarray(0, readFully(b, this.#bufferRight, length, at));
        if (one.equals(other)) continue;
        const first = one.findIndex((byte, index) => byte !== other[index]);
        this.#differ(name, 'content', `byte ${at + first}: ${one[first]}`, String(other[first]));
        return;
      }
    }
  }

  #differ(path: string, what: ComparedAspect, left: string, right: string): void {
    if (left !== right) this.#add(path, what, left, right);
  }

  #add(path: string, what: ComparedAspect, left: string, right: string): void {
    if (this.#options.ignore?.includes(what) === true) return;
    if (this.#options.without?.includes(path) === true) return;
    this.differences.push({ path, what, left, right });
  }
}

function deviceOf(stats: BigIntStats): string {
  return stats.isCharacterDevice() || stats.isBlockDevice() ? String(stats.rdev) : '';
}

function targetOf(path: Buffer): string {
  return readlinkSync(path, { encoding: 'buffer' }).toString('latin1');
}

function attributesOf(path: Buffer): string {
  return readExtendedAttributes(path, -1)
    .map(({ name, value }) => `${quotePath(name)}=${Buffer.from(value).toString('hex')}`)
    .join(' ');
}

function flagsOf(fd: number): string {
  try {
    return String(getFileFlags(fd) & keptFlags);
  } catch {
    // A file system without flags.
    return '0';
  }
}

type Range = readonly [start: number, end: number];

/** The extents with data, as whole blocks, neighbours joined. */
function blocksWithData(fd: number, size: number): Range[] {
  const ranges: [number, number][] = [];
  for (const { offset, length } of dataExtents(fd, size)) {
    const start = offset - (offset % block);
    const end = Math.min(Math.ceil((offset + length) / block) * block, size);
    const last = ranges.at(-1);
    if (last !== undefined && last[1] >= start) last[1] = end;
    else ranges.push([start, end]);
  }
  return ranges;
}

function describe(ranges: readonly Range[]): string {
  return ranges.map(([start, end]) => `${start}-${end}`).join(' ');
}

function readFully(fd: number, buffer: Buffer, length: number, position: number): number {
  let total = 0;
  while (total < length) {
    const count = readSync(fd, buffer, total, length - total, position + total);
    if (count === 0) break;
    total += count;
  }
  return total;
}
