import { closeSync } from 'node:fs';

import { asBuffer } from '../../base/bytes.ts';
import { joinPath } from '../../base/posix/path-bytes.ts';

/**
 * Where the files of a directory are opened, with plain `node:fs` calls and from any thread of the process.
 *
 * Normally that is the directory's path. A path near the system's limit (4096 bytes) is replaced by a handle:
 * `/proc/self/fd/N`. It stays open until everybody who was given the location has released it.
 */
export interface DirectoryLocation {
  /** Bytes to which `/name` is appended. */
  readonly prefix: Uint8Array;
  /** `prefix/name` */
  pathOf(name: Uint8Array): Buffer;
  /** To be called once by whoever got the location, after the last open by `prefix`. */
  release(): void;
}

/** A location whose holders are counted. */
export class CountedLocation implements DirectoryLocation {
  readonly prefix: Uint8Array;
  readonly #fd: number | undefined;
  readonly #parent: CountedLocation | undefined;
  #holders = 1;

  private constructor(
    prefix: Uint8Array,
    fd: number | undefined,
    parent: CountedLocation | undefined,
  ) {
    this.prefix = prefix;
    this.#fd = fd;
    this.#parent = parent;
  }

  /** A location that is just a path. */
  static ofPath(prefix: Uint8Array): CountedLocation {
    return new CountedLocation(prefix, undefined, undefined);
  }

  /** A location that is a handle, which it closes at the end. */
  static ofHandle(fd: number): CountedLocation {
    return new CountedLocation(Buffer.from(`/proc/self/fd/${fd}`), fd, undefined);
  }

  /** A directory below, reached through this location, which therefore has to stay. */
  below(name: Uint8Array): CountedLocation {
    const root = this.#fd === undefined ? this.#parent : this;
    root?.hold();
    return new CountedLocation(joinPath(this.prefix, name), undefined, root);
  }

  hold(): this {
    if (this.#holders === 0) throw new TypeError('A directory location was used after its release');
    this.#holders++;
    return this;
  }

  pathOf(name: Uint8Array): Buffer {
    return joinPath(this.prefix, name);
  }

  release(): void {
    if (this.#holders === 0) throw new TypeError('A directory location was released twice');
    this.#holders--;
    if (this.#holders > 0) return;
    this.#parent?.release();
    if (this.#fd !== undefined) closeSync(this.#fd);
  }

  toString(): string {
    return asBuffer(this.prefix).toString();
  }
}
