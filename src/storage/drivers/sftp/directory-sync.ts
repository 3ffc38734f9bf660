import { openFlag } from './packet.ts';
import type { SftpSession } from './session.ts';
import { hasStatus } from './status-error.ts';

/** A directory that is about to change. `release` has to be called, and does not wait. */
export interface HeldDirectory {
  /** Makes the names in it durable. */
  sync(): Promise<void>;
  release(): void;
}

/**
 * Makes names in a directory durable. OpenSSH opens a directory like a file, and `fsync` takes it; where a server does not, there is no
 * way, and that shows at the first attempt.
 */
export class DirectorySync {
  /** Whether it works on this server, once that is known. */
  #works: boolean | undefined;

  /** Opens the directory without waiting for it, beside what else has to be asked: that saves a round trip. */
  hold(session: SftpSession, path: string): HeldDirectory {
    if (this.#works === false || !session.has('fsync'))
      return { sync: () => Promise.resolve(), release: () => undefined };
    const opening = session.open(path, openFlag.read);
    // It is of interest only to who syncs.
    opening.catch(() => undefined);
    let isHeld = true;
    return {
      sync: async () => {
        try {
          await session.sync(await opening);
          this.#works = true;
        } catch (error) {
          if (this.#works === true || !hasStatus(error)) throw error;
          this.#works = false;
        }
      },
      release() {
        if (isHeld) session.closeLater(opening);
        isHeld = false;
      },
    };
  }

  async sync(session: SftpSession, path: string): Promise<void> {
    const held = this.hold(session, path);
    try {
      await held.sync();
    } finally {
      held.release();
    }
  }
}
