import { equalBytes } from '../../base/bytes.ts';
import { clearName, removeOthers } from '../../target/filesystem/remove-tree.ts';
import { lookAt } from '../../target/filesystem/target-entry.ts';
import type { TargetTree } from '../../target/filesystem/target-tree.ts';
import type { Place } from './linked-names.ts';
import type { PlannerOptions } from './planner-options.ts';
import { keyOf, type Level } from './restore-level.ts';
import type { RestoreTally } from './restore-tally.ts';

const moveOrDelete = 'Move it away, or have "--delete" remove it with everything in it';

/** Takes from the target what is not in the snapshot, or is something else there; in a dry run only tells of it. */
export class Removals {
  readonly #tree: TargetTree;
  readonly #tally: RestoreTally;
  readonly #options: PlannerOptions;

  constructor(tree: TargetTree, tally: RestoreTally, options: PlannerOptions) {
    this.#tree = tree;
    this.#tally = tally;
    this.#options = options;
  }

  /** Removes what a directory of the snapshot has no entries for, if that is wanted. @throws AppError `target/…` */
  others(level: Level): void {
    const { dryRun, spared, sparedPlaces } = this.#options;
    if (!this.#options.delete || level.isFresh || !level.isWhole || level.isLeading) return;
    if (level.isKept) return;
    const names = new Set(level.tree.entries.map(({ name }) => keyOf(name)));
    if (level.path.length === 0 && spared !== undefined) names.add(keyOf(spared));
    const directory = this.#tree.directory(level.path);
    const isWanted = (name: Uint8Array): boolean => names.has(keyOf(name));
    const problems = removeOthers(directory, isWanted, {
      path: level.path,
      dryRun,
      // What the filter leaves out is left alone, too.
      filter: level.filter,
      onRemove: (path) => this.#removed(path),
      spared: sparedPlaces,
      onSpare: (path, place) => this.#tally.spared(path, place),
    });
    // What is gone must not be found through a handle that is still open.
    if (!dryRun) this.#tree.forget();
    for (const { path, error } of problems) this.#tally.problem(path, error);
  }

  /** Removes what something else is to take the place of. @throws AppError `target/…` if it stays */
  clear(place: Place, name: Uint8Array, path: Uint8Array): void {
    const { dryRun, sparedPlaces: spared, delete: deletes } = this.#options;
    const directory = this.#tree.directory(place.path);
    const existing = lookAt(directory, name);
    if (existing === undefined) return;
    // What the filter leaves out of a directory stays; what has the name of something that is restored goes.
    const filter = existing.type === 'directory' ? place.filter : undefined;
    // The entry itself is replaced; what lies in it, if it is a directory and may be emptied, is gone.
    const onRemove = (removed: Uint8Array): void => {
      if (!equalBytes(removed, path)) this.#removed(removed);
    };
    try {
      const hintIfFull = deletes ? undefined : moveOrDelete;
      clearName(directory, name, existing, { path, dryRun, onRemove, spared, filter, hintIfFull });
    } finally {
      if (!dryRun) this.#tree.forget();
    }
  }

  #removed(path: Uint8Array): void {
    this.#tally.deleted++;
    this.#tally.entry('deleted', () => path, 0);
  }
}
