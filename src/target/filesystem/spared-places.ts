import {
  type BigIntStats,
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs';
import path from 'node:path';

import { AppError, systemCodeOf } from '../../base/errors.ts';
import { joinPath } from '../../base/posix/path-bytes.ts';
import { quotePath } from '../../base/posix/system-error.ts';
import { targetError } from './target-error.ts';

/** A directory that a restore spares, although it may lie in the target. */
export interface SparedPlace {
  readonly directory: string;
  /** For people: "the repository". */
  readonly title: string;
  /** Nothing in it is written either. Else only nothing is deleted there. */
  readonly isUntouchable: boolean;
}

/** What tells something from all else, whatever it is called. */
interface Identity {
  readonly device: number;
  readonly inode: bigint;
}

/**
 * What a restore must not destroy: above all the repository that it reads, which lies in its own target when a home directory is restored in place
 * with the repository below it. Everything is known by device and inode, so that links, mounts and other ways to it make no difference.
 */
export class SparedPlaces implements Disposable {
  readonly #places = new Map<string, SparedPlace>();
  /** What belongs to an untouchable place: the directories in it, one of which may be mounted elsewhere, and the links that lead to it. */
  readonly #parts = new Map<string, SparedPlace>();
  /** Some file systems make inode numbers up: they stay what they are while something is in use. */
  readonly #inUse: number[] = [];

  /** @throws AppError `target/unwritable` if one that exists cannot be looked at */
  constructor(places: readonly SparedPlace[]) {
    try {
      for (const place of places) this.#add(place);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    for (const directory of this.#inUse.splice(0)) closeSync(directory);
  }

  /** What this directory or link is, if it is one of them. */
  at(found: Identity): SparedPlace | undefined {
    const key = keyOf(found);
    return this.#places.get(key) ?? this.#parts.get(key);
  }

  /**
   * Makes sure that a target, of which nothing need exist, neither is nor lies in what must not be touched, nor, if something is to be deleted from it, in anything
   * that is spared.
   *
   * @throws AppError `target/refused`
   */
  requireOutside(target: Uint8Array, { deletes }: { readonly deletes: boolean }): void {
    const own = realPath(target, { isMissingAllowed: true });
    const around = own === undefined ? [] : identitiesUpwards(own);
    for (const known of [this.#places, this.#parts]) {
      for (const [height, identity] of around.entries()) {
        const place = known.get(identity);
        if (place === undefined || !(place.isUntouchable || deletes)) continue;
        const what = height === 0 && exists(target) ? 'is' : 'lies in';
        const hint = 'Name another directory with --target';
        throw new AppError(
          'target/refused',
          `Refused to restore into ${quotePath(target)}: that ${what} ${place.title} itself`,
          { hint: place.isUntouchable ? hint : `${hint}, or leave out --delete` },
        );
      }
    }
  }

  #add(place: SparedPlace): void {
    const own = realPath(Buffer.from(place.directory), { isMissingAllowed: false });
    if (own === undefined) return;
    const names = this.#use(own);
    const key = identityOf(own);
    // Where one is called two things, the stronger word counts.
    if (this.#places.get(key)?.isUntouchable !== true) this.#places.set(key, place);
    if (!place.isUntouchable) return;
    const part = { ...place, title: `a part of ${place.title}` };
    for (const name of names) {
      const inside = Buffer.from(joinPath(own, name));
      const found = statSync(inside, { bigint: true, throwIfNoEntry: false });
      // What somebody else has removed meanwhile is no part any more.
      if (found !== undefined) this.#parts.set(keyOfStatus(found), part);
    }
    const link = { ...place, title: `a link that leads to ${place.title}` };
    for (const identity of linksTo(place.directory)) this.#parts.set(identity, link);
  }

  /** Keeps a directory open; gives the names of those in it. */
  #use(directory: Buffer): Uint8Array[] {
    try {
      this.#inUse.push(openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY));
      return readdirSync(directory, { withFileTypes: true, encoding: 'buffer' })
        .filter((found) => found.isDirectory())
        .map(({ name }) => name);
    } catch (cause) {
      // Who may only read what he knows the name of cannot delete anything in it either.
      if (systemCodeOf(cause) !== 'EACCES') throw targetError('look into', directory, cause);
      return [];
    }
  }
}

/** Where something really is; undefined if it does not exist, unless that is allowed: then where the innermost of its directories is that does. */
function realPath(
  place: Uint8Array,
  { isMissingAllowed }: { readonly isMissingAllowed: boolean },
): Buffer<ArrayBuffer> | undefined {
  for (let wanted = Buffer.from(place); ; wanted = parentOf(wanted)) {
    try {
      return Buffer.from(realpathSync(wanted, { encoding: 'buffer' }));
    } catch (cause) {
      const code = systemCodeOf(cause);
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw targetError('look at', wanted, cause);
      if (!isMissingAllowed || wanted.length <= 1) return undefined;
    }
  }
}

/** A directory and all that it lies in, the innermost first. */
function identitiesUpwards(directory: Buffer<ArrayBuffer>): string[] {
  const identities: string[] = [];
  for (let place = directory; ; place = parentOf(place)) {
    identities.push(identityOf(place));
    if (place.length <= 1) return identities;
  }
}

/** The symbolic links on the way to a directory that exists. */
function linksTo(directory: string): string[] {
  const links: string[] = [];
  const names = path.resolve(directory).split('/');
  let place = '/';
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    const next = path.join(place, name);
    const found = lstatSync(next, { bigint: true, throwIfNoEntry: false });
    if (found?.isSymbolicLink() !== true) {
      place = next;
      continue;
    }
    links.push(keyOfStatus(found));
    const target = readlinkSync(next);
    names.unshift(...target.split('/'));
    if (path.isAbsolute(target)) place = '/';
  }
  return links;
}

function identityOf(place: Uint8Array): string {
  return keyOfStatus(statSync(Buffer.from(place), { bigint: true }));
}

function keyOfStatus({ dev, ino }: BigIntStats): string {
  return keyOf({ device: Number(dev), inode: ino });
}

function exists(place: Uint8Array): boolean {
  return statSync(Buffer.from(place), { throwIfNoEntry: false }) !== undefined;
}

function parentOf(place: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  return place.subarray(0, Math.max(1, place.lastIndexOf(0x2f)));
}

function keyOf({ device, inode }: Identity): string {
  return `${device}:${inode}`;
}
