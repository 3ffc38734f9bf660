import { endianness } from 'node:os';

import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } from './linux-constants.ts';
import { libc, type Libc } from './libc.ts';
import { emptyPath, terminated } from './path-bytes.ts';

/** Everything of `struct statx` that has been there from its beginning. */
const basicMask = 0x7ff;
const low = endianness() === 'LE' ? 0 : 1;
const high = 1 - low;

/**
 * What the system says of one inode (`statx`). One object is filled again and again: nothing is allocated for a file
 * that turns out unchanged.
 */
export class FileStatus {
  readonly #bytes = new Uint8Array(256);
  readonly #words = new Uint32Array(this.#bytes.buffer);
  readonly #signed = new Int32Array(this.#bytes.buffer);
  readonly #halves = new Uint16Array(this.#bytes.buffer);
  readonly #longs = new BigUint64Array(this.#bytes.buffer);
  readonly #libc: Libc = libc();

  /**
   * Looks at a name in a directory, not following a link; mounts what is mounted on demand, as opening it would.
   * Returns 0 or the error number.
   */
  readAt(directory: number, name: Uint8Array): number {
    return this.#read(directory, terminated(name), AT_SYMLINK_NOFOLLOW);
  }

  /** The same, following links. */
  readFollowing(directory: number, name: Uint8Array): number {
    return this.#read(directory, terminated(name), 0);
  }

  /** Looks at what is open. Returns 0 or the error number. */
  readOpen(fd: number): number {
    return this.#read(fd, emptyPath, AT_EMPTY_PATH);
  }

  #read(directory: number, path: Uint8Array, flags: number): number {
    const result = this.#libc.statx(directory, path, flags, basicMask, this.#bytes);
    return result === 0 ? 0 : this.#libc.errno();
  }

  /** Type and permission bits. */
  get mode(): number {
    return this.#half(14);
  }
  get links(): number {
    return this.#word(4);
  }
  get uid(): number {
    return this.#word(5);
  }
  get gid(): number {
    return this.#word(6);
  }
  get inode(): bigint {
    return this.#longs[4] ?? 0n;
  }
  get size(): number {
    return this.#long(10);
  }
  /** Units of 512 bytes. */
  get blocks(): number {
    return this.#long(12);
  }
  get blockSize(): number {
    return this.#word(1);
  }
  /** The lower bits of `stx_attributes`, whose numbers are those of `FS_IOC_GETFLAGS`. */
  get attributes(): number {
    return this.#word(2 + low);
  }
  /** Whether a file system is mounted here, also a part of the same one (bind mount); needs Linux 5.8. */
  get isMountRoot(): boolean {
    return (this.attributes & 0x2000) !== 0;
  }
  get ctimeSeconds(): number {
    return this.#long(24);
  }
  get ctimeNanoseconds(): number {
    return this.#word(26);
  }
  get mtimeSeconds(): number {
    return this.#long(28);
  }
  get mtimeNanoseconds(): number {
    return this.#word(30);
  }
  get deviceMajor(): number {
    return this.#word(32);
  }
  get deviceMinor(): number {
    return this.#word(33);
  }
  /** The number of the device that holds the inode, composed as `st_dev`. */
  get device(): number {
    return composeDevice(this.#word(34), this.#word(35));
  }

  #half(index: number): number {
    return this.#halves[index] ?? 0;
  }
  #word(index: number): number {
    return this.#words[index] ?? 0;
  }
  #long(index: number): number {
    return (this.#signed[index + high] ?? 0) * 0x1_0000_0000 + this.#word(index + low);
  }
}

/** The number that stands for major and minor in `mknod` and `st_dev`; exact below 2^53 for all numbers Linux uses. */
export function composeDevice(major: number, minor: number): number {
  const highMajor = Math.floor(major / 0x1000);
  const highMinor = Math.floor(minor / 0x100);
  return (
    highMajor * 0x1000 * 0x1_0000_0000 +
    highMinor * 0x10_0000 +
    (major % 0x1000) * 0x100 +
    (minor % 0x100)
  );
}

/** The inverse of `composeDevice`. */
export function splitDevice(device: number): { major: number; minor: number } {
  const major =
    Math.floor(device / 0x1000_0000_0000) * 0x1000 + (Math.floor(device / 0x100) % 0x1000);
  const minor = (Math.floor(device / 0x10_0000) % 0x100_0000) * 0x100 + (device % 0x100);
  return { major, minor };
}
