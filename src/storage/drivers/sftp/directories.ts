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
  readonly #there = new Map<string, Prepared>();
  readonly #making = new Map<string, Making>();
  /** Paths of those that this one has made, and nobody else: what was to be made was answered with success. */
  readonly #made: string[] = [];

  constructor(root: RemoteRoot, sync: DirectorySync) {
    this.#root = root;
    this.#sync = sync;
  }

  /** Takes note of a root that was seen a moment ago. */
  noteRoot(): void {
    this.#there.set('', nothingToWaitFor);
  }

  /** Sees to it that the directory of objects called `name/…` (the root for an empty name) is there. */
  prepare(session: SftpSession, name: string): Preparation {
    const there = this.#there.get(name);
    if (there !== undefined) return { ready: Promise.resolve(there), asked: Promise.resolve() };
    const making = this.#making.get(name);
    if (making?.session === session) return making;
    // Requests over another connection may be answered earlier.
    if (making !== undefined) {
      const asked = making.ready.then(() => undefined);
      asked.catch(() => undefined);
      return { ready: making.ready, asked };
    }
    const sent = Promise.withResolvers<void>();
    const ready = this.#make(session, name, sent.resolve);
    const asked = Promise.race([sent.promise, ready.then(() => undefined)]);
    asked.catch(() => undefined); // not everybody waits for it
    const begun: Making = { session, ready, asked };
    this.#making.set(name, begun);
    const isStill = (): boolean => this.#making.get(name) === begun;
    ready.then(
      (prepared) => {
        if (!isStill()) return;
        this.#making.delete(name);
        this.#there.set(name, prepared);
        prepared.durable.catch(() => {
          if (this.#there.get(name) === prepared) this.#there.delete(name);
        });
      },
      // A failure is for those who wait now; whoever comes later tries again.
      () => isStill() && this.#making.delete(name),
    );
    return begun;
  }

  /** Forgets a directory that somebody seems to have removed, and those above it. */
  forget(name: string): void {
    for (const known of [this.#there, this.#making]) {
      for (const other of known.keys()) {
        if (other === '' || name === other || name.startsWith(`${other}/`)) known.delete(other);
      }
    }
  }

  /** Removes what it has made, as far as nothing lies in it. */
  async removeMade(session: SftpSession): Promise<void> {
    this.#there.clear();
    for (const path of this.#made.splice(0).toReversed()) {
      try {
        await session.rmdir(path);
      } catch (error) {
        // Somebody uses it by now.
        if (!hasStatus(error)) throw error;
      }
    }
  }

  /** Calls `sent` when the request for the directory itself was sent. */
  async #make(session: SftpSession, name: string, sent: () => void): Promise<Prepared> {
    if (name === '') return this.#prepareRoot(session);
    const parent = parentOf(name);
    const above = this.#there.get(parent) ?? (await this.prepare(session, parent).ready);
    const making = this.#makeAt(session, this.#root.pathOf(name));
    sent();
    const made = await making;
    const durable = Promise.all([above.durable, made.durable]).then(() => undefined);
    durable.catch(() => undefined); // nobody waits for what was forgotten meanwhile
    return { durable };
  }

  async #prepareRoot(session: SftpSession): Promise<Prepared> {
    if (await this.#root.exists(session)) return nothingToWaitFor;
    await this.#makeWithParents(session, this.#root.path);
    await this.#root.exists(session);
    return nothingToWaitFor;
  }

  /** Makes the root; directories above it that are links are followed, since the user has named them. */
  async #makeWithParents(session: SftpSession, path: string): Promise<void> {
    const found = await unlessStatus(session.stat(path), statusCode.noSuchFile);
    if (found !== undefined && !isDirectory(found)) throw inTheWay(path, false);
    if (found !== undefined) return;
    const slash = path.lastIndexOf('/');
    if (slash > 0) await this.#makeWithParents(session, path.slice(0, slash));
    const { durable } = await this.#makeAt(session, path);
    await durable;
  }

  /** Everything that has to be asked goes out at once: over a slow line round trips are what costs. */
  async #makeAt(session: SftpSession, path: string): Promise<Prepared> {
    const making = session.mkdir(path);
    const looking = unlessStatus(session.lstat(path), statusCode.noSuchFile);
    looking.catch(() => undefined); // it is of interest only when nothing was made
    const parent = path.slice(0, path.lastIndexOf('/')) || (path.startsWith('/') ? '/' : '.');
    const held = this.#sync.hold(session, parent);
    try {
      await making;
      this.#made.push(path);
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

/** A directory that is about to be there. */
export interface Preparation {
  readonly ready: Promise<Prepared>;
  /** Resolves when what is asked for over the same session will find it: a server does one after the other. Rejects as `ready` where nothing was asked for. */
  readonly asked: Promise<void>;
}

interface Making extends Preparation {
  /** Over which it was asked for. */
  readonly session: SftpSession;
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
