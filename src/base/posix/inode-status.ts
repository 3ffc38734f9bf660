import { endianness } from 'node:os';

import { composeDevice } from './device-number.ts';

const low = endianness() === 'LE' ? 0 : 1;
const high = 1 - low;

/** Memory for `struct statx`, as the numbers in it are read. */
export class StatusMemory {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly longs: BigUint64Array;

  /** `size`: in bytes, a multiple of eight. */
  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.words = new Uint32Array(this.bytes.buffer);
    this.longs = new BigUint64Array(this.bytes.buffer);
  }
}

/** What the system said of one inode: a `struct statx`, which begins at a word of a memory whose number is even. */
export class InodeStatus {
  readonly #memory: StatusMemory;
  readonly #start: number;

  constructor(memory: StatusMemory, start: number) {
    this.#memory = memory;
    this.#start = start;
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
    return this.#memory.longs[(this.#start >> 1) + 4] ?? 0n;
  }
  /** The two halves of `inode`, for those who only compare. */
  get inodeLow(): number {
    return this.#word(8 + low);
  }
  get inodeHigh(): number {
    return this.#word(8 + high);
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
    const word = this.#word(index >> 1);
    return (index & 1) === low ? word & 0xffff : word >>> 16;
  }
  #word(index: number): number {
    return this.#memory.words[this.#start + index] ?? 0;
  }
  #long(index: number): number {
    return (this.#word(index + high) | 0) * 0x1_0000_0000 + this.#word(index + low);
  }
}
