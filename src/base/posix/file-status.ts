import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } from './linux-constants.ts';
import { InodeStatus, StatusMemory } from './inode-status.ts';
import { libc, type Libc } from './libc.ts';
import { emptyPath, terminated } from './path-bytes.ts';

/** Everything of `struct statx` that has been there from its beginning. */
const basicMask = 0x7ff;
/** The whole of the structure, with room for what will be added; and as much of it as is looked at, in words of four bytes. */
const wholeSize = 256;
const keptWords = 36;
/** So many are kept in one memory. */
const keptTogether = 512;

let kept: StatusMemory | undefined;
let keptNext = 0;

/**
 * What the system says of one inode (`statx`). One object is filled again and again: nothing is allocated for a file
 * that turns out unchanged.
 */
export class FileStatus extends InodeStatus {
  readonly #bytes: Uint8Array;
  readonly #looked: Uint32Array;
  readonly #libc: Libc = libc();

  constructor() {
    const memory = new StatusMemory(wholeSize);
    super(memory, 0);
    this.#bytes = memory.bytes;
    this.#looked = memory.words.subarray(0, keptWords);
  }

  /**
   * Looks at a name in a directory, not following a link; mounts what is mounted on demand, as opening it would.
   * Returns 0 or the error number.
   */
  readAt(directory: number, name: Uint8Array): number {
    return this.#read(directory, terminated(name), AT_SYMLINK_NOFOLLOW);
  }

  /** The same for a name that ends with a NUL. */
  readTerminatedAt(directory: number, name: Uint8Array): number {
    return this.#read(directory, name, AT_SYMLINK_NOFOLLOW);
  }

  /** The same, following links. */
  readFollowing(directory: number, name: Uint8Array): number {
    return this.#read(directory, terminated(name), 0);
  }

  /** Looks at what is open. Returns 0 or the error number. */
  readOpen(fd: number): number {
    return this.#read(fd, emptyPath, AT_EMPTY_PATH);
  }

  /** What was read last, in memory of its own, which is shared with others: little, where there are many. */
  keep(): InodeStatus {
    if (kept === undefined || keptNext === keptTogether * keptWords) {
      kept = new StatusMemory(keptTogether * keptWords * 4);
      keptNext = 0;
    }
    const start = keptNext;
    kept.words.set(this.#looked, start);
    keptNext += keptWords;
    return new InodeStatus(kept, start);
  }

  #read(directory: number, path: Uint8Array, flags: number): number {
    const result = this.#libc.statx(directory, path, flags, basicMask, this.#bytes);
    return result === 0 ? 0 : this.#libc.errno();
  }
}
