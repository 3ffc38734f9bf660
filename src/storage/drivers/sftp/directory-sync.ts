import { openFlag } from './packet.ts';
import type { SftpSession } from './session.ts';
import { hasStatus } from './status-error.ts';

interface Sync {
  done: Promise<void>;
  /** Whether the server may have begun; whoever comes later needs another one. */
  hasBegun: boolean;
}

/**
 * Makes names in a directory durable. OpenSSH opens a directory like a file, and `fsync` takes it; where a server does not, there is no
 * way, and that shows at the first attempt. Calls for one directory share a sync where they can.
 */
export class DirectorySync {
  readonly #syncs = new Map<string, Sync>();
  /** Whether it works on this server, once that is known. */
  #works: boolean | undefined;

  async sync(session: SftpSession, path: string): Promise<void> {
    if (this.#works === false || !session.has('fsync')) return;
    const known = this.#syncs.get(path);
    if (known !== undefined && !known.hasBegun) return known.done;
    const sync: Sync = { hasBegun: false, done: Promise.resolve() };
    sync.done = this.#after(known, sync, session, path);
    this.#syncs.set(path, sync);
    try {
      await sync.done;
    } finally {
      if (this.#syncs.get(path) === sync) this.#syncs.delete(path);
    }
  }

  /** The one before is waited for, so that all who come meanwhile share the next one; its failure is for its own callers. */
  async #after(
    before: Sync | undefined,
    mine: Sync,
    session: SftpSession,
    path: string,
  ): Promise<void> {
    await before?.done.catch(() => undefined);
    mine.hasBegun = true;
    await this.#sync(session, path);
  }

  async #sync(session: SftpSession, path: string): Promise<void> {
    try {
      const handle = await session.open(path, openFlag.read);
      const synced = session.sync(handle);
      session.later(session.close(handle));
      await synced;
      this.#works = true;
    } catch (error) {
      if (this.#works === true || !hasStatus(error)) throw error;
      this.#works = false;
    }
  }
}
