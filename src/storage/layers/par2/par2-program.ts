import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { failureOf, runProgram } from '../../../base/process.ts';
import { Semaphore } from '../../../base/semaphore.ts';
import { indexNameOf, isRecoveryFileOf } from './par2-name.ts';

export interface Par2Settings {
  /** Percent. */
  readonly redundancy: number;
  /** Recovery files for each object. */
  readonly volumes: number;
  /** Further parameters for making them. */
  readonly parameters: readonly string[];
  readonly program: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Each run uses all processors, and memory of its own. */
const runsAtOnce = 2;

/** Silent; with at most so many megabytes of memory, of which it would otherwise take half of the machine's. */
const always = ['-q', '-q', '-m64'];

/** Runs `par2` in a directory of which nobody else knows. */
export class Par2Program {
  readonly #settings: Par2Settings;
  readonly #places = new Semaphore(runsAtOnce);

  constructor(settings: Par2Settings) {
    this.#settings = settings;
  }

  /**
   * Makes the recovery files for a file that is not empty, beside it, and gives their names. Rejects with `process/failed`.
   */
  async protect(directory: string, file: string, options: CallOptions): Promise<readonly string[]> {
    const { redundancy, volumes, parameters } = this.#settings;
    const create = (count: number) =>
      this.#run(
        directory,
        ['create', `-r${redundancy}`, `-n${count}`, ...always, ...parameters],
        [file],
        options,
      );
    const made = async (): Promise<readonly string[]> =>
      (await readdir(directory)).filter((name) => isRecoveryFileOf(file, name));
    let failure = await create(volumes);
    if (failure !== undefined && volumes > 1) {
      // A small file has fewer blocks than volumes are wanted.
      for (const name of await made()) await rm(path.join(directory, name), { force: true });
      failure = await create(1);
    }
    const names = await made();
    if (failure === undefined && names.length > 0) return names;
    throw new AppError(
      'process/failed',
      `Cannot make recovery files for "${file}": "${this.#settings.program}" failed: ${failure ?? 'it made none'}`,
      { hint: 'Look at "par2-redundancy", "par2-volumes" and "par2-options"' },
    );
  }

  /** Repairs a file in place by the recovery files beside it; tells why it could not, or `undefined`. */
  async repair(directory: string, file: string, options: CallOptions): Promise<string | undefined> {
    return this.#run(directory, ['repair', ...always], [indexNameOf(file), file], options);
  }

  async #run(
    directory: string,
    parameters: readonly string[],
    files: readonly string[],
    options: CallOptions,
  ): Promise<string | undefined> {
    using _place = await this.#places.acquire(options);
    const { PATH } = this.#settings.environment;
    const paths = files.map((file) => path.join(directory, file));
    const argv = [this.#settings.program, ...parameters, '--', ...paths];
    // It needs to know nothing, least of all the passwords that may be in our environment.
    const environment = { PATH, LC_ALL: 'C.UTF-8' };
    return failureOf(await runProgram(argv, { ...options, directory, environment }));
  }
}
