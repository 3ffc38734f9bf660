import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { AppError } from '../../../base/errors.ts';
import { makeDirectoriesSync } from '../../../base/make-directories.ts';
import { tryLockFile, type FileLock } from '../../../base/posix/file-lock.ts';

/**
 * Which runs of this machine are at work: each holds a lock on a file of its own, which the system frees when it dies. So the records that a dead run left in the
 * storage can be told from those of a live one.
 */
export class LiveRuns {
  readonly #directory: string;

  /** `directory`: this machine's state of the repository. */
  constructor(directory: string) {
    this.#directory = join(directory, 'runs');
  }

  /** Says that a run is at work, until the answer is disposed of. */
  hold(runId: string): Disposable {
    makeDirectoriesSync(this.#directory, { mode: 0o700 });
    const path = this.#pathOf(runId);
    const lock: FileLock | undefined = tryLockFile(path);
    if (lock === undefined) throw new AppError('internal', `Run ${runId} is at work already`);
    return {
      [Symbol.dispose]() {
        rmSync(path, { force: true });
        lock[Symbol.dispose]();
      },
    };
  }

  isAlive(runId: string): boolean {
    const path = this.#pathOf(runId);
    if (!existsSync(path)) return false;
    const lock = tryLockFile(path);
    if (lock === undefined) return true;
    rmSync(path, { force: true });
    lock[Symbol.dispose]();
    return false;
  }

  #pathOf(runId: string): string {
    return join(this.#directory, `${runId}.lock`);
  }
}
