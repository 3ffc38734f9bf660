import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { writeFileAtomically } from '../../../base/atomic-file.ts';
import { systemCodeOf } from '../../../base/errors.ts';
import { makeDirectories } from '../../../base/make-directories.ts';

const fileName = 'damaged-packs.json';
const namePattern = /^[0-9a-f]{64}$/u;

/**
 * What checks of this machine have found damaged, so that a repair, or the next check, looks at it again without reading everything. Losing it costs nothing but
 * that: nothing here fails.
 */
export class SuspectMemory {
  readonly #directory: string;

  /** `directory`: this machine's state of the repository. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Names of packs. */
  async recall(): Promise<ReadonlySet<string>> {
    try {
      const value: unknown = JSON.parse(await readFile(this.#file, 'utf8'));
      return new Set(Array.isArray(value) ? value.filter(isPackName) : []);
    } catch (error) {
      if (!(error instanceof SyntaxError) && systemCodeOf(error) === undefined) throw error;
      return new Set();
    }
  }

  async note(packs: readonly string[]): Promise<void> {
    try {
      if (packs.length === 0) return await rm(this.#file, { force: true });
      await makeDirectories(this.#directory, { mode: 0o700 });
      await writeFileAtomically(this.#file, Buffer.from(`${JSON.stringify(packs)}\n`));
    } catch (error) {
      // On a rescue system nothing can be kept, and nothing needs to be.
      if (systemCodeOf(error) === undefined) throw error;
    }
  }

  get #file(): string {
    return join(this.#directory, fileName);
  }
}

function isPackName(value: unknown): value is string {
  return typeof value === 'string' && namePattern.test(value);
}
