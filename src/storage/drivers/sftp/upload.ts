import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { type Body, sizeOfBody } from '../../body.ts';
import type { Leftovers } from './leftovers.ts';
import { openFlag } from './packet.ts';
import type { Handle, SftpSession } from './session.ts';
import { temporaryBeside } from '../../temporary-name.ts';
import { writeBody } from './transfer.ts';

/** A file under a temporary name beside the object that it will be. `discard` or a publication ends it. */
export class Upload {
  readonly temporary: string;
  readonly #session: SftpSession;
  readonly #handle: Handle;
  #isOpen = true;

  private constructor(session: SftpSession, temporary: string, handle: Handle) {
    this.#session = session;
    this.temporary = temporary;
    this.#handle = handle;
  }

  /** Creates the file; when the signal aborts meanwhile, it goes again as soon as the server has answered. */
  static async create(
    session: SftpSession,
    file: string,
    { signal }: CallOptions,
  ): Promise<Upload> {
    const temporary = temporaryBeside(file);
    const opening = session
      .open(temporary, openFlag.write | openFlag.create | openFlag.exclusive)
      .then((handle) => new Upload(session, temporary, handle));
    let isWanted = false;
    try {
      const upload = await session.until(opening, { signal });
      isWanted = true;
      return upload;
    } finally {
      if (!isWanted) session.later(opening.then((upload) => upload.#remove()));
    }
  }

  /** Writes all of `body` and makes it durable, where the server can; the file has exactly the announced size afterwards. */
  async write(name: string, body: Body, { signal }: CallOptions): Promise<void> {
    const session = this.#session;
    const { written } = await writeBody(session, { handle: this.#handle, name, body }, { signal });
    // What concerns one file is done in the order in which it is asked for, so nothing has to be waited for in between.
    const synced = session.has('fsync') ? session.sync(this.#handle) : undefined;
    const looked = session.fstat(this.#handle);
    const closed = this.#close();
    const [{ size }] = await session.until(Promise.all([looked, written, synced, closed]), {
      signal,
    });
    if (size !== undefined && size !== sizeOfBody(body)) {
      throw new AppError(
        'storage/unavailable',
        `Cannot store "${name}": ${size} of ${sizeOfBody(body)} bytes arrived`,
      );
    }
  }

  /** Removes the file, without waiting for it; if the connection is lost, somebody else has to. */
  discard(leftovers: Leftovers): void {
    this.#session.later(this.remove(leftovers));
  }

  /** Removes the file; never rejects. */
  async remove(leftovers: Leftovers): Promise<void> {
    await this.#remove().catch(() => leftovers.add(this.temporary));
  }

  async #remove(): Promise<void> {
    // The answer to closing says nothing of interest any more.
    await Promise.allSettled([this.#close()]);
    await this.#session.remove(this.temporary);
  }

  async #close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#session.close(this.#handle);
  }
}
