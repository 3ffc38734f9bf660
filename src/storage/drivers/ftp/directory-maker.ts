import path from 'node:path';

import type { FtpConnection } from './connection.ts';
import { list } from './remote-directory.ts';

/** Makes the directories that objects are to lie in, and remembers which are there. */
export class DirectoryMaker {
  readonly #known = new Set<string>();
  /** Those that this one has made, and nobody else: they were missing, and the server has confirmed each. */
  readonly #made: string[] = [];

  /** Sees to it that `directory` is there, as far as the server lets us; what follows shows whether it is. */
  async prepare(connection: FtpConnection, directory: string): Promise<void> {
    if (directory === '/' || this.#known.has(directory)) return;
    if ((await connection.ask(`CWD ${directory}`)) === undefined) {
      await this.prepare(connection, path.posix.dirname(directory));
      // Somebody else may make it at the same time: a refusal says nothing.
      const made = await connection.ask(`MKD ${directory}`);
      if (made !== undefined) this.#made.push(directory);
      else if ((await connection.ask(`CWD ${directory}`)) === undefined) return;
    }
    this.#known.add(directory);
  }

  /** Removes what it has made, as far as nothing lies in it. */
  async removeMade(connection: FtpConnection): Promise<void> {
    this.#known.clear();
    for (const directory of this.#made.splice(0).toReversed()) {
      // Whatever else it may mean to a server to remove a directory, of what is empty nothing can be lost.
      if ((await list(connection, directory))?.length === 0)
        await connection.ask(`RMD ${directory}`);
    }
  }

  /** After a sign that somebody has removed a directory: it is looked for again, with those above it. */
  forget(directory: string): void {
    for (let at = directory; at !== '/' && at !== '.'; at = path.posix.dirname(at))
      this.#known.delete(at);
  }

  knows(directory: string): boolean {
    return this.#known.has(directory);
  }
}
