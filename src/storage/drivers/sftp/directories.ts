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
  readonly #ready = new Map<string, Promise<Prepared>>();

  constructor(root: RemoteRoot, sync: DirectorySync) {
    this.#root = root;
    this.#sync = sync;
  }

  /** Resolves when the directory of objects called `name/…` (the root for an empty name) is there. */
  prepare(session: SftpSession, name: string): Promise<Prepared> {
    const known = this.#ready.get(name);
    if (known !== undefined) return known;
    const ready = name === '' ? this.#prepareRoot(session) : this.#prepareBelow(session, name);
    this.#ready.set(name, ready);
    // A failure is for those who wait now; whoever comes later tries again.
    const again = (): unknown => this.#ready.delete(name);
    ready.then(({ durable }) => durable.catch(again), again);
    return ready;
  }

  /** Forgets a directory that somebody seems to have removed, and those above it. */
  forget(name: string): void {
    for (const known of this.#ready.keys()) {
      if (known === '' || name === known || name.startsWith(`${known}/`)) this.#ready.delete(known);
    }
  }

  async #prepareRoot(session: SftpSession): Promise<Prepared> {
    if (await this.#root.exists(session)) return nothingToWaitFor;
    await this.#makeWithParents(session, this.#root.path);
    await this.#root.exists(session);
    return nothingToWaitFor;
  }

  async #prepareBelow(session: SftpSession, name: string): Promise<Prepared> {
    const above = await this.prepare(session, parentOf(name));
    const made = await this.#make(session, this.#root.pathOf(name));
    return { durable: Promise.all([above.durable, made.durable]).then(() => undefined) };
  }

  /** Makes the root; directories above it that are links are followed, since the user has named them. */
  async #makeWithParents(session: SftpSession, path: string): Promise<void> {
    const found = await unlessStatus(session.stat(path), statusCode.noSuchFile);
    if (found !== undefined && !isDirectory(found)) throw inTheWay(path, false);
    if (found !== undefined) return;
    const slash = path.lastIndexOf('/');
    if (slash > 0) await this.#makeWithParents(session, path.slice(0, slash));
    const { durable } = await this.#make(session, path);
    await durable;
  }

  /** Everything that has to be asked goes out at once: over a slow line round trips are what costs. */
  async #make(session: SftpSession, path: string): Promise<Prepared> {
    const making = session.mkdir(path);
    const looking = unlessStatus(session.lstat(path), statusCode.noSuchFile);
    looking.catch(() => undefined); // it is of interest only when nothing was made
    const parent = path.slice(0, path.lastIndexOf('/')) || (path.startsWith('/') ? '/' : '.');
    const held = this.#sync.hold(session, parent);
    try {
      await making;
    } catch (error) {
      held.release();
      if (!hasStatus(error)) throw error;
      // It was there, or somebody else has been quicker; servers say "failure" then, or something else.
      const found = await looking;
      if (found === undefined) throw error;
      if (!isDirectory(found)) throw inTheWay(path, isLink(found));
      return nothingToWaitFor;
    }
    const durable = held.sync().finally(() => held.release());
    durable.catch(() => undefined); // whoever puts something into it waits for it
    return { durable };
  }
}

/** A directory that is there. */
export interface Prepared {
  /** Settles when its name and those of the directories above are durable, as far as the server can do that. */
  readonly durable: Promise<void>;
}

const nothingToWaitFor: Prepared = { durable: Promise.resolve() };

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
