import { writeSync } from 'node:fs';

import { type Clock, systemClock } from '../../base/clock.ts';
import { systemCodeOf } from '../../base/errors.ts';
import {
  beginDirectWrites,
  directMemory,
  directUnit,
  endDirectWrites,
} from '../../base/posix/direct-writes.ts';
import { mayCompress } from '../../base/posix/file-system.ts';
import { writeAt } from './file-content.ts';

/** Shorter pieces go through the page cache: there is little to gain, and less to measure. */
const worthDirectWrites = 256 * 1024;

/** Bytes that are written directly at once. */
const memorySize = 1024 ** 2;

/** Milliseconds for a byte, of a disk that takes 170 MiB in a second from each thread. */
const slowestPace = 1000 / (170 * 1024 ** 2);

/** One piece in so many goes directly to a disk that was found slow, to learn whether it still is. */
const secondLook = 64;

/** What a new measurement counts, beside those before it. */
const weight = 1 / 8;

/**
 * Writes content where a file has none yet: past the page cache while the disk keeps up, which saves the kernel a copy and the program more than half of the
 * processor time of a restore, and leaves the cache to other programs. A slow disk would make the program wait for every piece, where the system takes as
 * much as there is memory for; nothing but trying tells. One a thread.
 */
export class NewContentWriter {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #pace = 0;
  #memory: Uint8Array | undefined;
  #possible = true;
  /** Pieces that a slow disk was spared since it was looked at last. */
  #spared = 0;

  constructor(clock: Pick<Clock, 'monotonic'> = systemClock) {
    this.#clock = clock;
  }

  /** Writes all of `bytes` at `position` of an open file. Errors are those of `node:fs`. */
  write(fd: number, bytes: Uint8Array, position: number): void {
    if (bytes.length < worthDirectWrites || !this.#possible || this.#sparesDisk()) {
      writeAt(fd, bytes, position);
      return;
    }
    const began = this.#clock.monotonic();
    this.#writeDirectly(fd, bytes, position);
    const pace = (this.#clock.monotonic() - began) / bytes.length;
    this.#pace += (pace - this.#pace) * weight;
  }

  #sparesDisk(): boolean {
    if (this.#pace <= slowestPace) return false;
    this.#spared = (this.#spared + 1) % secondLook;
    return this.#spared !== 0;
  }

  /** Whole units directly; what is before and behind them through the page cache, where neighbouring pieces share a unit. */
  #writeDirectly(fd: number, bytes: Uint8Array, position: number): void {
    const first = (directUnit - (position % directUnit)) % directUnit;
    const end = bytes.length - ((position + bytes.length) % directUnit);
    const reached = first + this.#writeUnits(fd, bytes.subarray(first, end), position + first);
    writeAt(fd, bytes.subarray(0, first), position);
    writeAt(fd, bytes.subarray(reached), position + reached);
  }

  /** Gives the number of bytes that were written: fewer where the file system cannot go on like this. */
  #writeUnits(fd: number, bytes: Uint8Array, position: number): number {
    this.#possible = !mayCompress(fd) && beginDirectWrites(fd);
    if (!this.#possible) return 0;
    this.#memory ??= directMemory(memorySize, (size) => new ArrayBuffer(size));
    let done = 0;
    try {
      while (done < bytes.length) {
        const length = Math.min(bytes.length - done, memorySize);
        this.#memory.set(bytes.subarray(done, done + length));
        const written = writeSync(fd, this.#memory, 0, length, position + done);
        done += written;
        // A full disk, or a limit; what comes next would not begin at a whole unit.
        if (written < length) break;
      }
    } catch (error) {
      if (systemCodeOf(error) !== 'EINVAL') throw error;
      this.#possible = false;
    } finally {
      endDirectWrites(fd);
    }
    return done;
  }
}
