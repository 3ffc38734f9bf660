import { lstatSync, readFileSync } from 'node:fs';
import path from 'node:path';

import type { TreeSelection } from '../../engine/archive/source-items.ts';
import type { SourceEntry } from '../../model/entry.ts';
import { exitCodes, fatal } from './fatal.ts';
import { type FilelistEntry, parseFilelist, parseFilesFrom } from './filelist.ts';
import { type FilterMode, GlobPattern } from './glob-pattern.ts';
import type { GivenSelector } from './parse-command-line.ts';
import { pathBytes } from '../../model/path-text.ts';
import { pathText } from './path-characters.ts';
import { pythonExpression } from './python-expression.ts';
import { parseTime } from './time-text.ts';

/** What an entry is chosen by. */
interface Candidate {
  /** The source as it was given, and the path in it. */
  readonly shown: string;
  /** In the source. */
  readonly path: Uint8Array;
  readonly entry: SourceEntry;
}

type Answer = 'include' | 'exclude' | 'scan' | undefined;

interface Rule {
  /** As the user would say it. */
  readonly name: string;
  readonly isInclude: boolean;
  answer(candidate: Candidate): Answer;
}

/** What selectors are read with. */
export interface SelectionContext {
  /** The source as given, without needless slashes and dots. */
  readonly source: string;
  /** Where it is. */
  readonly root: string;
  readonly nulSeparated: boolean;
  /** Seconds since 1970. */
  readonly now: number;
  readonly timeZone: string;
  readonly workingDirectory: string;
  /** Told of each filelist. */
  readonly onFilelist?: (file: string) => void;
}

/** The name of a source as it stands before the paths that patterns are compared with. */
export function plainSource(source: string): string {
  const isAbsolute = source.startsWith('/');
  const parts = source.split('/').filter((part) => part !== '' && part !== '.');
  return isAbsolute ? `/${parts.join('/')}` : parts.join('/') || '.';
}

/**
 * What the selecting options choose, by duplicity's rules: each rule includes, excludes, or wants a directory looked into; the first that includes or excludes counts, but a directory that
 * an earlier one wanted to look into is not left out. `undefined`: everything.
 *
 * @throws AppError exit codes 7 (a filelist cannot be read), 14 (a pattern cannot match anything in the source), 15, 16 (the last rule includes), 72 and 73 (`--files-from`)
 */
export function makeSelection(
  selectors: readonly GivenSelector[],
  context: SelectionContext,
): TreeSelection | undefined {
  const { rules, listed } = new RuleReader(context).read(selectors);
  const last = rules.at(-1);
  if (last?.isInclude === true) throw redundant(last);
  if (rules.length === 0 && listed === undefined) return undefined;
  const prefix = context.source === '/' ? '/' : `${context.source}/`;
  return (relative, entry) => {
    const shown = prefix + pathText(relative);
    if (listed !== undefined && !listed.has(Buffer.from(relative).toString('latin1'))) {
      return 'exclude';
    }
    const candidate = { shown, path: relative, entry };
    let isScanned = false;
    for (const rule of rules) {
      const answer = rule.answer(candidate);
      if (answer === 'include') return 'include';
      if (answer === 'exclude') return isScanned ? 'scan' : 'exclude';
      if (answer === 'scan') isScanned = true;
    }
    return isScanned ? 'scan' : 'include';
  };
}

class RuleReader {
  readonly #context: SelectionContext;
  /** Those that come first whatever their place. */
  readonly #first: Rule[] = [];
  readonly #rules: Rule[] = [];
  #listed: Set<string> | undefined;
  #mode: FilterMode = 'globbing';
  #ignoreCase = false;

  constructor(context: SelectionContext) {
    this.#context = context;
  }

  read(selectors: readonly GivenSelector[]): {
    readonly rules: readonly Rule[];
    readonly listed: ReadonlySet<string> | undefined;
  } {
    for (const { name, value } of selectors) this.#add(name, value);
    return { rules: [...this.#first, ...this.#rules], listed: this.#listed };
  }

  #add(name: string, value: string): void {
    switch (name) {
      case 'include':
      case 'exclude':
        this.#rules.push(this.#pattern(value, name === 'include'));
        break;
      case 'include-regexp':
      case 'exclude-regexp':
        this.#rules.push(regexpRule(value, name === 'include-regexp', this.#ignoreCase));
        break;
      case 'include-filelist':
      case 'exclude-filelist':
      case 'include-globbing-filelist':
      case 'exclude-globbing-filelist':
        this.#filelist(value, name.startsWith('include'));
        break;
      case 'include-filelist-stdin':
      case 'exclude-filelist-stdin':
        this.#filelist('/dev/stdin', name.startsWith('include'), 'standard input');
        break;
      case 'files-from':
        this.#filesFrom(value);
        break;
      case 'exclude-if-present':
        this.#first.unshift(this.#presentRule(value));
        break;
      case 'exclude-device-files':
        this.#first.unshift(deviceRule);
        break;
      case 'exclude-other-filesystems':
        this.#rules.push(this.#fileSystemRule());
        break;
      case 'exclude-older-than':
        this.#rules.push(this.#ageRule(value));
        break;
      case 'filter-ignorecase':
      case 'filter-strictcase':
        this.#ignoreCase = name === 'filter-ignorecase';
        break;
      default:
        this.#mode = name.slice('filter-'.length) as FilterMode;
    }
  }

  #pattern(text: string, isInclude: boolean): Rule {
    if (this.#mode === 'regexp') return regexpRule(text, isInclude, this.#ignoreCase);
    const isPrefixed = this.#mode === 'globbing' && /^ignorecase:/iu.test(text);
    const plain = isPrefixed ? text.slice('ignorecase:'.length) : text;
    const pattern = new GlobPattern(plain, {
      ignoreCase: isPrefixed || this.#ignoreCase,
      literal: this.#mode === 'literal',
    });
    const { source } = this.#context;
    if (pattern.verdict(source, true) === undefined) throw outside(text, source);
    const does = isInclude ? 'include' : 'exclude';
    return {
      name: `Command-line ${does} glob: ${text}`,
      isInclude,
      answer({ shown, entry }) {
        const verdict = pattern.verdict(shown, entry.type === 'directory');
        if (verdict === 'match') return does;
        return verdict === 'scan' && isInclude ? 'scan' : undefined;
      },
    };
  }

  #filelist(file: string, isInclude: boolean, shown = file): void {
    const text = this.#readList(file);
    this.#context.onFilelist?.(shown);
    const { nulSeparated } = this.#context;
    const entries: readonly FilelistEntry[] = parseFilelist(text, isInclude, { nulSeparated });
    for (const entry of entries) this.#rules.push(this.#pattern(entry.pattern, entry.isInclude));
  }

  #filesFrom(file: string): void {
    const { nulSeparated } = this.#context;
    const paths = parseFilesFrom(this.#readList(file), { nulSeparated });
    if (paths.length === 0) {
      throw fatal(exitCodes.emptyFilesFrom, `Fatal Error: The list of files in ${file} is empty`);
    }
    const listed = (this.#listed ??= new Set());
    for (const name of paths) {
      if (name.startsWith('/')) {
        throw fatal(
          exitCodes.absoluteFilesFrom,
          `Fatal Error: Files must be listed by relative paths, but ${file} has\n    ${name}`,
        );
      }
      const parts = name.split('/').filter((part) => part !== '' && part !== '.');
      const bytes = pathBytes(parts.join('/')).toString('latin1').split('/');
      for (const end of bytes.keys()) listed.add(bytes.slice(0, end + 1).join('/'));
    }
  }

  #readList(file: string): string {
    const { workingDirectory } = this.#context;
    try {
      return pathText(readFileSync(path.resolve(workingDirectory, file)));
    } catch (cause) {
      throw fatal(exitCodes.filelist, `Error opening file ${file}`, { cause });
    }
  }

  #presentRule(mark: string): Rule {
    const root = pathBytes(this.#context.root);
    // What is no name, as the empty variable of a script, is in every directory for the system, and would leave everything out.
    const isName = !['', '.', '..'].includes(mark) && !mark.includes('/');
    return {
      name: `Directories with a file ${mark}`,
      isInclude: false,
      answer({ path: relative, entry }) {
        if (!isName || entry.type !== 'directory') return undefined;
        const place = Buffer.concat([root, slash, relative, slash, pathBytes(mark)]);
        return isPresent(place) ? 'exclude' : undefined;
      },
    };
  }

  #fileSystemRule(): Rule {
    let device: number | undefined;
    const { root } = this.#context;
    return {
      name: 'Files on other file systems',
      isInclude: false,
      answer({ entry }) {
        device ??= Number(lstatSync(pathBytes(path.join(root, '.')), { bigint: true }).dev);
        return entry.device === device ? undefined : 'exclude';
      },
    };
  }

  #ageRule(text: string): Rule {
    const time = parseTime(text, this.#context.now, this.#context.timeZone);
    return {
      name: `Files older than ${text}`,
      isInclude: false,
      answer: ({ entry }) =>
        entry.type === 'file' && entry.mtime.seconds < time ? 'exclude' : undefined,
    };
  }
}

const slash = Buffer.from('/');

const deviceRule: Rule = {
  name: 'Device files',
  isInclude: false,
  answer: ({ entry }) =>
    entry.type === 'block-device' || entry.type === 'character-device' ? 'exclude' : undefined,
};

function regexpRule(text: string, isInclude: boolean, ignoreCase: boolean): Rule {
  const expression = pythonExpression(text, ignoreCase);
  const does = isInclude ? 'include' : 'exclude';
  return {
    name: `Regular expression ${does} rule: ${text}`,
    isInclude,
    answer: ({ shown }) => (expression.test(shown) ? does : undefined),
  };
}

/** A directory that cannot be searched has no mark; what else is wrong with it the walk will tell. */
function isPresent(place: Buffer): boolean {
  try {
    return lstatSync(place, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

function outside(text: string, source: string): Error {
  return fatal(
    exitCodes.patternOutsideSource,
    `Fatal Error: The file specification
    ${text}
cannot match any files in the base directory
    ${source}
Useful file specifications begin with the base directory or some
pattern (such as '**') which matches the base directory.`,
  );
}

function redundant({ name }: Rule): Error {
  return fatal(
    exitCodes.redundantInclude,
    `Last selection expression:
    ${name}
only specifies that files be included.  Because the default is to
include all files, the expression is redundant.  Exiting because this
probably isn't what you meant.`,
  );
}
