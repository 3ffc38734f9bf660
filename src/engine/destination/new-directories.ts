import { lstat, rmdir } from 'node:fs/promises';
import path from 'node:path';

import { systemCodeOf } from '../../base/errors.ts';

/** The directories that are missing on the way to one, which is the last of them; what is made of them for a trial can be removed again. */
export class NewDirectories {
  readonly #missing: readonly string[];

  private constructor(missing: readonly string[]) {
    this.#missing = missing;
  }

  static async on(directory: string): Promise<NewDirectories> {
    const missing: string[] = [];
    for (let at = path.resolve(directory); await isMissing(at); at = path.dirname(at))
      missing.unshift(at);
    return new NewDirectories(missing);
  }

  /** Removes them as far as they are empty. */
  async remove(): Promise<void> {
    for (const directory of this.#missing.toReversed()) {
      try {
        await rmdir(directory);
      } catch (error) {
        if (systemCodeOf(error) === 'ENOENT') continue;
        // Somebody uses it by now, or we may not: then it stays.
        return;
      }
    }
  }
}

async function isMissing(directory: string): Promise<boolean> {
  try {
    await lstat(directory);
    return false;
  } catch (error) {
    return systemCodeOf(error) === 'ENOENT' && directory !== path.dirname(directory);
  }
}
