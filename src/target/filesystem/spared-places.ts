import { realpathSync, statSync } from 'node:fs';

import { AppError, systemCodeOf } from '../../base/errors.ts';
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

/** What tells a directory from all others, whatever it is called. */
interface Identity {
  readonly device: number;
  readonly inode: bigint;
}

/**
 * What a restore must not destroy: above all the repository that it reads, which lies in its own target when a home directory is restored in place
 * with the repository below it. Directories are known by device and inode, so that links and other ways to them make no difference.
 */
export class SparedPlaces {
  readonly #places = new Map<string, SparedPlace>();
  /** The directories that they lie in. */
  readonly #above = new Map<string, SparedPlace>();

  /** @throws AppError `target/unwritable` if one that exists cannot be looked at */
  constructor(places: readonly SparedPlace[]) {
    for (const place of places) {
      const [own, ...above] = identitiesUpwards(Buffer.from(place.directory));
      if (own === undefined) continue;
      // Where one is called two things, the stronger word counts.
      if (this.#places.get(own)?.isUntouchable !== true) this.#places.set(own, place);
      for (const identity of above) this.#above.set(identity, place);
    }
  }

  /** What this directory is, if it is one of them. */
  at(directory: Identity): SparedPlace | undefined {
    return this.#places.get(keyOf(directory));
  }

  /** What this directory is or holds, so that it cannot be taken away. */
  within(directory: Identity): SparedPlace | undefined {
    return this.at(directory) ?? this.#above.get(keyOf(directory));
  }

  /**
   * Makes sure that a target, of which nothing need exist, neither is nor lies in what must not be touched.
   *
   * @throws AppError `target/refused`
   */
  requireOutside(target: Uint8Array): void {
    const [own, ...above] = identitiesUpwards(target, { isMissingAllowed: true });
    for (const identity of own === undefined ? [] : [own, ...above]) {
      const place = this.#places.get(identity);
      if (place?.isUntouchable !== true) continue;
      const isItself = identity === own && exists(target);
      const what = isItself ? 'is' : 'lies in';
      throw new AppError(
        'target/refused',
        `Refused to restore into ${quotePath(target)}: that ${what} ${place.title} itself`,
        { hint: 'Name another directory with --target' },
      );
    }
  }
}

/**
 * A directory and all that it lies in, the innermost first; nothing if it does not exist, unless that is allowed: then those that do.
 */
function identitiesUpwards(
  directory: Uint8Array,
  { isMissingAllowed = false }: { readonly isMissingAllowed?: boolean } = {},
): string[] {
  let path: Buffer<ArrayBuffer>;
  for (let wanted = Buffer.from(directory); ; wanted = parentOf(wanted)) {
    try {
      path = Buffer.from(realpathSync(wanted, { encoding: 'buffer' }));
      break;
    } catch (cause) {
      const code = systemCodeOf(cause);
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw targetError('look at', wanted, cause);
      if (!isMissingAllowed || wanted.length <= 1) return [];
    }
  }
  const identities: string[] = [];
  for (;;) {
    const { dev, ino } = statSync(path, { bigint: true });
    identities.push(keyOf({ device: Number(dev), inode: ino }));
    if (path.length <= 1) return identities;
    path = parentOf(path);
  }
}

function exists(path: Uint8Array): boolean {
  return statSync(Buffer.from(path), { throwIfNoEntry: false }) !== undefined;
}

function parentOf(path: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  return path.subarray(0, Math.max(1, path.lastIndexOf(0x2f)));
}

function keyOf({ device, inode }: Identity): string {
  return `${device}:${inode}`;
}
