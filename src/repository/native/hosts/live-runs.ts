import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { AppError } from '../../../base/errors.ts';
import { makeDirectoriesSync } from '../../../base/make-directories.ts';
import { tryLockFile, type FileLock } from '../../../base/posix/file-lock.ts';
import { stateProblem } from './state-problem.ts';

/**
 * Which runs of this machine are at work: each holds a lock on a file of its own, which the system frees when it dies. So the records that a dead run left in the
 * storage can be told from those of a live one.
 */
export class LiveRuns {
  readonly #directory: string;
  readonly #warn: (problem: AppError) => void;

  /** `directory`: this machine's state of the repository. `warn` is told of files that cannot be removed, which costs nothing else. */
  constructor(directory: string, warn: (problem: AppError) => void) {
    this.#directory = join(directory, 'runs');
    this.#warn = warn;
  }

  /** Says that a run is at work, until the answer is disposed of. */
  hold(runId: string): Disposable {
    const path = this.#pathOf(runId);
    const lock = this.#lock(path);
    if (lock === undefined) throw new AppError('internal', `Run ${runId} is at work already`);
    return { [Symbol.dispose]: () => this.#free(path, lock) };
  }

  isAlive(runId: string): boolean {
    const path = this.#pathOf(runId);
    if (!existsSync(path)) return false;
    const lock = this.#lock(path);
    if (lock === undefined) return true;
    this.#free(path, lock);
    return false;
  }

  #lock(path: string): FileLock | undefined {
    try {
      makeDirectoriesSync(this.#directory, { mode: 0o700 });
      return tryLockFile(path);
    } catch (cause) {
      throw stateProblem(path, cause);
    }
  }

  /** What counts is the lock: a file that stays is one of a run that is over. */
  #free(path: string, lock: FileLock): void {
    try {
      rmSync(path, { force: true });
    } catch (cause) {
      this.#warn(stateProblem(path, cause));
    }
    lock[Symbol.dispose]();
  }

  #pathOf(runId: string): string {
    return join(this.#directory, `${runId}.lock`);
  }
}
