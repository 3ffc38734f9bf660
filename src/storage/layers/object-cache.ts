import { createHash } from 'node:crypto';
import { access, readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';

import { writeFileAtomically } from '../../base/atomic-file.ts';
import { concatBytes, equalBytes, utf8 } from '../../base/bytes.ts';
import type { Clock } from '../../base/clock.ts';
import { AppError, systemCodeOf } from '../../base/errors.ts';
import { fileReason } from '../../base/file-reason.ts';
import { makeDirectories } from '../../base/make-directories.ts';

const digestSize = 32;

const abandonedAge = 24 * 60 * 60 * 1000;

/**
 * Copies of objects in a local directory: a file each, a checksum over name and content in front. Nothing here fails a call. A copy that
 * is damaged is no copy; a directory that cannot be used is reported once.
 */
export class ObjectCache {
  readonly #directory: string;
  readonly #warn: (problem: AppError) => void;
  #warned = false;

  constructor(directory: string, warn: (problem: AppError) => void) {
    this.#directory = directory;
    this.#warn = warn;
  }

  /** The object's bytes, or `undefined` when there is no sound copy. */
  async load(name: string): Promise<Uint8Array | undefined> {
    return this.#guard('read', async () => {
      const file = new Uint8Array(await readFile(this.#fileOf(name)));
      const bytes = file.subarray(digestSize);
      if (
        file.byteLength >= digestSize &&
        equalBytes(file.subarray(0, digestSize), checksum(name, bytes))
      )
        return bytes;
      await rm(this.#fileOf(name), { force: true });
      return undefined;
    });
  }

  /** Whether there is a copy, sound or not. */
  async has(name: string): Promise<boolean> {
    const found = await this.#guard('read', async () => {
      await access(this.#fileOf(name));
      return true;
    });
    return found ?? false;
  }

  async store(name: string, bytes: Uint8Array): Promise<void> {
    await this.#guard('write', async () => {
      const file = this.#fileOf(name);
      await makeDirectories(path.dirname(file), { mode: 0o700 });
      // Not synced: the checksum finds whatever a power cut leaves.
      await writeFileAtomically(file, concatBytes(checksum(name, bytes), bytes), {
        durable: false,
      });
    });
  }

  async remove(name: string): Promise<void> {
    await this.#guard('write', () => rm(this.#fileOf(name), { force: true }));
  }

  /** Removes every copy of an object that is not in `names`, and what writers that died a day ago have left. */
  async retain(names: Iterable<string>, { clock }: { readonly clock: Clock }): Promise<void> {
    const kept = new Set(Array.from(names, (name) => this.#fileOf(name)));
    await this.#guard('write', async () => {
      for (const entry of await readdir(this.#directory, {
        recursive: true,
        withFileTypes: true,
      })) {
        const file = path.join(entry.parentPath, entry.name);
        if (!entry.isFile() || kept.has(file)) continue;
        const isUnfinished = entry.name.startsWith('.');
        if (isUnfinished && clock.now() - (await stat(file)).mtimeMs < abandonedAge) continue;
        await rm(file, { force: true });
      }
    });
  }

  #fileOf(name: string): string {
    const key = createHash('sha256').update(name).digest('hex');
    return path.join(this.#directory, key.slice(0, 2), key);
  }

  async #guard<Result>(
    verb: 'read' | 'write',
    call: () => Promise<Result>,
  ): Promise<Result | undefined> {
    try {
      return await call();
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      if (!this.#warned) {
        this.#warned = true;
        this.#warn(
          new AppError(
            'local/unwritable',
            `Cannot ${verb} the cache "${this.#directory}": ${fileReason(error)}`,
            {
              cause: error,
              hint: 'The work goes on without it, but slower',
            },
          ),
        );
      }
      return undefined;
    }
  }
}

function checksum(name: string, bytes: Uint8Array): Uint8Array {
  const named = createHash('sha256').update(utf8(name)).digest();
  return new Uint8Array(createHash('sha256').update(named).update(bytes).digest());
}
