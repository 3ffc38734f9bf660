import { AppError, messageOf } from '../base/errors.ts';
import type { FilterRule } from './filter-rule.ts';
import { compileGlob } from './glob.ts';
import { pathText } from './path-text.ts';

/**
 * Which entries of a tree are taken. Rules are an ordered list and the LAST rule that matches decides, so that later rules refine
 * earlier ones, as in `.gitignore` and with restic; a list written for a first-match program (duplicity, Borg, Duplicati) means the same
 * here when it is turned upside down.
 *
 * A rule matches an entry when its pattern matches the entry itself or a directory above it. Unlike with git, something below an
 * excluded directory can be included again. What no rule matches is taken, unless the first rule stands in an include list: such a list
 * says what to take.
 */
export interface PathFilter {
  /** Nothing is ever left out. */
  readonly empty: boolean;
  /** Whether an entry is taken, by its absolute path alone. For a walk use `root`, which does not look at parents again and again. */
  decide(path: Uint8Array, facts: EntryFacts): boolean;
  /**
   * The filter for what lies in a directory that was named as a source. The source itself is taken whatever the rules say: exclusions
   * that match it or a directory above it do not count, inclusions do.
   */
  root(path: Uint8Array): DirectoryFilter;
}

/** The filter for the entries of one directory. Immutable; costs one match of each rule at most per entry. */
export interface DirectoryFilter {
  child(name: Uint8Array, facts: EntryFacts): Verdict;
}

export interface Verdict {
  /** Take the entry. A directory that is not taken is still kept as a place if something below it is. */
  readonly included: boolean;
  /** Set for a directory below which something can be taken; without it, do not go there. */
  readonly below: DirectoryFilter | undefined;
}

/** What a filter asks about an entry besides its path. */
export interface EntryFacts {
  readonly directory: boolean;
  /** A regular file: only these are judged by size and age. */
  readonly file: boolean;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** Regular files beyond a limit are left out, whatever the rules say. */
export interface FilterLimits {
  /** Leave out files with more bytes than this. */
  readonly largerThan?: number | undefined;
  /** Leave out files modified before this time (milliseconds since 1970). */
  readonly olderThan?: number | undefined;
  /** Leave out files modified after this time (milliseconds since 1970). */
  readonly newerThan?: number | undefined;
}

interface CompiledRule {
  readonly include: boolean;
  matches(path: string, name: string, directory: boolean): boolean;
  mayMatchBelow(directory: string): boolean;
}

/** Compiles rules and limits. Throws `input/invalid` for a pattern that cannot be read. */
export function compilePathFilter(
  rules: readonly FilterRule[],
  limits: FilterLimits = {},
): PathFilter {
  const compiled = rules.map(compileRule);
  const takeUnmatched = rules[0]?.list !== 'include';
  const { largerThan = Infinity, olderThan = -Infinity, newerThan = Infinity } = limits;

  const verdictOf = (winner: number): boolean =>
    winner === -1 ? takeUnmatched : compiled[winner]!.include;

  const withinLimits = (facts: EntryFacts): boolean =>
    !facts.file ||
    (facts.size <= largerThan && facts.modified >= olderThan && facts.modified <= newerThan);

  /** The last rule after `above` that matches, else `above`. */
  const judge = (path: string, name: string, directory: boolean, above: number): number => {
    for (let index = compiled.length - 1; index > above; index--) {
      if (compiled[index]!.matches(path, name, directory)) return index;
    }
    return above;
  };

  const mayTakeBelow = (path: string, winner: number): boolean => {
    if (verdictOf(winner)) return true;
    for (let index = compiled.length - 1; index > winner; index--) {
      if (compiled[index]!.include && compiled[index]!.mayMatchBelow(path)) return true;
    }
    return false;
  };

  const directoryFilter = (directory: string, above: number): DirectoryFilter => ({
    child(name, facts) {
      const text = pathText(name);
      const path = directory === '' ? text : `${directory}/${text}`;
      const winner = judge(path, text, facts.directory, above);
      const included = verdictOf(winner) && withinLimits(facts);
      const descend = facts.directory && mayTakeBelow(path, winner);
      return { included, below: descend ? directoryFilter(path, winner) : undefined };
    },
  });

  return {
    empty:
      compiled.length === 0 &&
      largerThan === Infinity &&
      olderThan === -Infinity &&
      newerThan === Infinity,
    decide(path, facts) {
      const parts = partsOf(path);
      let winner = -1;
      for (const [depth, name] of parts.entries()) {
        const directory = depth < parts.length - 1 || facts.directory;
        winner = judge(parts.slice(0, depth + 1).join('/'), name, directory, winner);
      }
      return verdictOf(winner) && withinLimits(facts);
    },
    root(path) {
      const parts = partsOf(path);
      const inclusion = compiled.findLastIndex(
        (rule) =>
          rule.include &&
          parts.some((name, depth) =>
            rule.matches(parts.slice(0, depth + 1).join('/'), name, true),
          ),
      );
      return directoryFilter(parts.join('/'), inclusion);
    },
  };
}

function partsOf(path: Uint8Array): string[] {
  return pathText(path)
    .split('/')
    .filter((part) => part !== '');
}

function compileRule(rule: FilterRule): CompiledRule {
  const include = rule.action === 'include';
  if (rule.syntax === 'regexp') {
    const expression = compileExpression(rule);
    return {
      include,
      matches: (path) => expression.test(`/${path}`),
      mayMatchBelow: () => true,
    };
  }
  const glob = compileGlob(rule.pattern, { ignoreCase: rule.ignoreCase });
  const { matchesName } = glob;
  return {
    include,
    matches: (path, name, directory) =>
      (directory || !glob.directoriesOnly) &&
      (matchesName === undefined ? glob.matches(path) : matchesName(name)),
    mayMatchBelow: (directory) => glob.mayMatchBelow(directory),
  };
}

function compileExpression(rule: FilterRule): RegExp {
  try {
    return new RegExp(rule.pattern, rule.ignoreCase ? 'sui' : 'su');
  } catch (error) {
    throw new AppError(
      'input/invalid',
      `"${rule.pattern}" is not a regular expression: ${messageOf(error)}`,
      {
        cause: error,
        hint: 'Regular expressions are those of JavaScript and match anywhere in the absolute path',
      },
    );
  }
}
