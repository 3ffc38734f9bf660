import type { SourceEntry } from '../model/entry.ts';
import type { DirectoryFilter, EntryFacts, PathFilter, Verdict } from '../model/path-filter.ts';

interface Level {
  readonly filter: DirectoryFilter | undefined;
  /** Verdicts on subdirectories that will be entered, in order. */
  readonly below: (Verdict | undefined)[];
}

/**
 * Asks a path filter along a walk. The walk asks `excludes` about every entry and tells where it is with `enter` and `leave`; the filters of the directories
 * on the way are kept here, so that each rule is matched once an entry.
 */
export class WalkFilter {
  readonly #filter: PathFilter;
  /** Sources, and the directories above them, as latin-1 text: these are taken whatever the rules say. */
  readonly #sources: ReadonlySet<string>;
  readonly #above: ReadonlySet<string>;
  readonly #levels: Level[] = [];

  constructor(filter: PathFilter, sources: readonly Uint8Array[]) {
    this.#filter = filter;
    const texts = sources.map(textOf);
    this.#sources = new Set(texts);
    this.#above = new Set(texts.flatMap(parentsOf));
  }

  /** The walk goes into a directory. Gives whether the directory is wanted even if nothing below it is. */
  enter(path: Uint8Array): boolean {
    if (this.#filter.empty) return true;
    const text = textOf(path);
    const verdict = this.#levels.at(-1)?.below.shift();
    if (this.#sources.has(text)) {
      this.#levels.push({ filter: this.#filter.root(path), below: [] });
      return true;
    }
    this.#levels.push({ filter: verdict?.below, below: [] });
    return verdict?.included ?? true;
  }

  leave(): void {
    this.#levels.pop();
  }

  /** Whether an entry, with everything below it, is left out. */
  excludes(entry: SourceEntry, path: Uint8Array): boolean {
    if (this.#filter.empty) return false;
    const level = this.#levels.at(-1);
    const isDirectory = entry.type === 'directory';
    const text = textOf(path);
    if (this.#sources.has(text) || this.#above.has(text)) {
      if (isDirectory) level?.below.push(undefined);
      return false;
    }
    if (level?.filter === undefined) return false;
    const verdict = level.filter.child(entry.name, factsOf(entry));
    if (!isDirectory) return !verdict.included;
    if (!verdict.included && verdict.below === undefined) return true;
    level.below.push(verdict);
    return false;
  }
}

function factsOf(entry: SourceEntry): EntryFacts {
  return {
    directory: entry.type === 'directory',
    file: entry.type === 'file',
    size: entry.size,
    modified: entry.mtime.seconds * 1000 + entry.mtime.nanoseconds / 1e6,
  };
}

function textOf(path: Uint8Array): string {
  return Buffer.from(path).toString('latin1');
}

function parentsOf(path: string): string[] {
  const parents: string[] = [];
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    parents.push(path.slice(0, at));
  }
  parents.push('/');
  return parents;
}
