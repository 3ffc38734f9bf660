import path from 'node:path';

import type { FtpConnection } from './connection.ts';

/** Makes the directories that objects are to lie in, and remembers which are there. */
export class DirectoryMaker {
  readonly #known = new Set<string>();

  /** Sees to it that `directory` is there, as far as the server lets us; what follows shows whether it is. */
  async prepare(connection: FtpConnection, directory: string): Promise<void> {
    if (directory === '/' || this.#known.has(directory)) return;
    if ((await connection.ask(`CWD ${directory}`)) === undefined) {
      await this.prepare(connection, path.posix.dirname(directory));
      // Somebody else may make it at the same time: a refusal says nothing.
      const made = await connection.ask(`MKD ${directory}`);
      if (made === undefined && (await connection.ask(`CWD ${directory}`)) === undefined) return;
    }
    this.#known.add(directory);
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
