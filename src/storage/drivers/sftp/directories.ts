import { AppError } from '../../../base/errors.ts';
import { isDirectory, isLink } from './file-type.ts';
import { statusCode } from './packet.ts';
import type { DirectorySync } from './directory-sync.ts';
import type { RemoteRoot } from './remote-root.ts';
import type { SftpSession } from './session.ts';
import { hasStatus, unlessStatus } from './status-error.ts';

/** Makes directories, looks at each of them once, and remembers which are there. */
export class Directories {
  readonly #root: RemoteRoot;
  readonly #sync: DirectorySync;
  readonly #ready = new Map<string, Promise<void>>();

  constructor(root: RemoteRoot, sync: DirectorySync) {
    this.#root = root;
    this.#sync = sync;
  }

  /** Resolves when the directory of objects called `name/…` (the root for an empty name) is there. */
  prepare(session: SftpSession, name: string): Promise<void> {
    const known = this.#ready.get(name);
    if (known !== undefined) return known;
    const ready = name === '' ? this.#prepareRoot(session) : this.#prepareBelow(session, name);
    this.#ready.set(name, ready);
    // A failure is for those who wait now; whoever comes later tries again.
    ready.catch(() => this.#ready.delete(name));
    return ready;
  }

  /** Forgets a directory that somebody seems to have removed, and those above it. */
  forget(name: string): void {
    for (const known of this.#ready.keys()) {
      if (known === '' || name === known || name.startsWith(`${known}/`)) this.#ready.delete(known);
    }
  }

  async #prepareRoot(session: SftpSession): Promise<void> {
    if (await this.#root.exists(session)) return;
    await this.#makeWithParents(session, this.#root.path);
    await this.#root.exists(session);
  }

  async #prepareBelow(session: SftpSession, name: string): Promise<void> {
    const path = this.#root.pathOf(name);
    const found = await unlessStatus(session.lstat(path), statusCode.noSuchFile);
    if (found !== undefined && isDirectory(found)) return;
    if (found !== undefined) throw inTheWay(path, isLink(found));
    await this.prepare(session, parentOf(name));
    await this.#make(session, path);
  }

  /** Makes the root; directories above it that are links are followed, since the user has named them. */
  async #makeWithParents(session: SftpSession, path: string): Promise<void> {
    const found = await unlessStatus(session.stat(path), statusCode.noSuchFile);
    if (found !== undefined && !isDirectory(found)) throw inTheWay(path, false);
    if (found !== undefined) return;
    const slash = path.lastIndexOf('/');
    if (slash > 0) await this.#makeWithParents(session, path.slice(0, slash));
    await this.#make(session, path);
  }

  async #make(session: SftpSession, path: string): Promise<void> {
    try {
      await session.mkdir(path);
    } catch (error) {
      if (!hasStatus(error)) throw error;
      // Somebody else may have been quicker; servers say "failure" then, or something else.
      const found = await unlessStatus(session.lstat(path), statusCode.noSuchFile);
      if (found === undefined) throw error;
      if (!isDirectory(found)) throw inTheWay(path, isLink(found));
      return;
    }
    await this.#sync.sync(
      session,
      path.slice(0, path.lastIndexOf('/')) || (path.startsWith('/') ? '/' : '.'),
    );
  }
}

/** The directory of an object or of a directory, as a name; empty for the root. */
export function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')));
}

function inTheWay(path: string, link: boolean): AppError {
  return new AppError(
    'storage/access-denied',
    link
      ? `"${path}" on the server is a symbolic link, and those are not followed`
      : `"${path}" on the server is no directory`,
    {
      hint: link
        ? 'Mount the other directory there instead of linking to it'
        : 'Move it away, or choose another path',
    },
  );
}
