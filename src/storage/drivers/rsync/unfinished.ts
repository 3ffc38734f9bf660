import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError } from '../../../base/errors.ts';
import { LeftoverTimes } from '../../network/leftover-times.ts';
import { parseListing } from './rsync-output.ts';
import { partial, type RsyncProgram, vanished } from './rsync-program.ts';
import type { Spool } from './spool.ts';
import { translateFailure } from './translate-failure.ts';

/** The directory in which the server's rsync writes what is not whole yet; it renames from there. No object may be in it. */
export const unfinished = '.holdfast-unfinished';

/** So many are removed at a time. */
const mostLeftovers = 1000;

/** Makes the directory of a place, with the one for what is unfinished, and removes what crashes have left there. */
export class Preparation {
  readonly #program: RsyncProgram;
  readonly #spool: Spool;
  readonly #clock: Clock;
  readonly #times = new LeftoverTimes();
  #leftovers: readonly string[] = [];
  readonly #seen = new Set<string>();
  /** Directories that were looked for, and were not there. */
  readonly #missing = new Set<string>();
  /** Those among them that this one has made. */
  readonly #made = new Set<string>();
  #done: Promise<void> | undefined;
  #syncs = true;
  #hasLinks = false;

  constructor(program: RsyncProgram, spool: Spool, clock: Clock) {
    this.#program = program;
    this.#spool = spool;
    this.#clock = clock;
  }

  /**
   * Which of the directories that objects are to lie in are files: rsync would replace them by directories without a word. Names are
   * relative to the base; what was seen or made before is not looked at again.
   */
  async filesAmong(
    directories: Iterable<string>,
    options: CallOptions,
  ): Promise<ReadonlySet<string>> {
    const all = new Set([...directories, this.#place]);
    const unseen = Array.from(all).filter((directory) => !this.#seen.has(directory));
    if (unseen.length === 0) return new Set();
    const ended = await this.#program.run(
      ['--list-only', '--no-human-readable', this.#program.address.base, '.'],
      { names: unseen.map((directory) => `./${directory}`), ...options },
    );
    if (ended.status !== 0 && ended.status !== partial && ended.status !== vanished)
      throw translateFailure(ended, 'look at the directories on the server');
    const files = new Set<string>();
    const missing = new Set(unseen);
    for (const { name, type } of parseListing(ended.output)) {
      if (name === undefined) continue;
      missing.delete(name);
      if (type === 'l') this.#hasLinks = true;
      if (type === 'd' || type === 'l') this.#seen.add(name);
      else files.add(name);
    }
    for (const directory of missing) this.#missing.add(directory);
    return files;
  }

  /** Takes note of directories that are there for sure, because something was stored in them. */
  markMade(directories: Iterable<string>): void {
    for (const directory of directories) {
      this.#seen.add(directory);
      if (this.#missing.delete(directory)) this.#made.add(directory);
    }
  }

  /** Removes the directories that it has made, as far as nothing lies in them. */
  async removeMade(options: CallOptions): Promise<void> {
    const made = Array.from(this.#made);
    if (made.length === 0) return;
    this.#made.clear();
    this.forget();
    const { base } = this.#program.address;
    const empty = await this.#spool.directory();
    try {
      const byDepth = Map.groupBy(made, (directory) => directory.split('/').length);
      // rsync removes what is empty when it begins: the deepest first, each depth in a run of its own.
      for (const depth of Array.from(byDepth.keys()).toSorted((one, other) => other - one)) {
        const directories = byDepth.get(depth) ?? [];
        const listed = await this.#program.run(['--list-only', '--no-human-readable', base, '.'], {
          names: directories.map((directory) => `./${directory}`),
          ...options,
        });
        // A file that has taken the place of one would be removed as well.
        const left = new Set(
          parseListing(listed.output).flatMap(({ name, type }) => (type === 'd' ? [name] : [])),
        );
        const names = directories.flatMap((each) => (left.has(each) ? [`./${each}`] : []));
        if (names.length === 0) continue;
        await this.#program.run(['--delete-missing-args', `${empty}/`, base], {
          names,
          ...options,
        });
      }
    } finally {
      await this.#spool.remove(empty);
    }
  }

  /**
   * The switches for everything that writes: files are made durable, where the server's rsync knows that (3.2.4 and later), and links to
   * directories are followed and not replaced. Restricted servers refuse the latter, so it is used only where a link was seen.
   */
  get switches(): readonly string[] {
    return [...(this.#syncs ? ['--fsync'] : []), ...(this.#hasLinks ? ['--keep-dirlinks'] : [])];
  }

  /** Done once; again after a failure or after `forget`. */
  async ready(options: CallOptions): Promise<void> {
    if (this.#leftovers.length === 0) {
      this.#leftovers = this.#times.takeOld(this.#clock.now(), mostLeftovers);
      if (this.#leftovers.length > 0) this.#done = undefined;
    }
    this.#done ??= this.#prepare(options);
    const current = this.#done;
    try {
      await current;
    } catch (error) {
      if (this.#done === current) this.#done = undefined;
      throw error;
    }
  }

  forget(): void {
    this.#done = undefined;
    this.#seen.clear();
  }

  /** Takes note of a file that a listing shows: whether it is an unfinished one, which is removed by and by when it is old. */
  isUnfinished({ name, modified }: { readonly name: string; readonly modified: number }): boolean {
    this.#times.see(modified);
    if (!name.startsWith(`${unfinished}/`)) return false;
    this.#times.note(name, modified);
    return true;
  }

  /** The directory for what is unfinished, relative to the base. */
  get #place(): string {
    return `${this.#program.address.prefix}${unfinished}`;
  }

  async #prepare(options: CallOptions): Promise<void> {
    const { base } = this.#program.address;
    const skeleton = await this.#spool.directory();
    try {
      await this.#spool.makeTree(skeleton, this.#place);
      const make = (): ReturnType<RsyncProgram['run']> =>
        this.#program.run(['-r', ...this.switches, `${skeleton}/`, base], options);
      let made = await make();
      if (made.status !== 0 && /fsync/u.test(made.lastWords)) {
        this.#syncs = false;
        made = await make();
      }
      if (made.status !== 0) throw translateFailure(made, 'make the directory on the server');
      this.markMade(directoriesAbove(`${this.#place}/`));
      await this.#sweep(skeleton, options);
    } finally {
      await this.#spool.remove(skeleton);
    }
  }

  /** Removes what listings have shown. It is only tidied: whatever stands against it shows elsewhere. */
  async #sweep(empty: string, options: CallOptions): Promise<void> {
    if (this.#leftovers.length === 0) return;
    await this.#spool.makeTree(empty, 'nothing');
    const { base, prefix } = this.#program.address;
    const names = this.#leftovers.map((name) => `./${prefix}${name}`);
    this.#leftovers = [];
    await this.#program.run(['--delete-missing-args', `${empty}/nothing/`, base], {
      names,
      ...options,
    });
  }
}

/** Rejects the names that are not for objects. */
export function checkNotReserved(name: string): void {
  if (name !== unfinished && !name.startsWith(`${unfinished}/`)) return;
  throw new AppError(
    'input/invalid',
    `Cannot use "${name}" as an object name: it is reserved for unfinished files`,
  );
}

/** The directories above a name, the nearest one last; `a` and `a/b` for `a/b/c`. */
export function directoriesAbove(name: string): readonly string[] {
  const parts = name.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** The error for a path whose beginning is a file. */
export function inTheWay(file: string): AppError {
  return new AppError(
    'storage/access-denied',
    `"${file}" on the server is a file, and no directory`,
    {
      hint: 'Choose another path',
    },
  );
}
