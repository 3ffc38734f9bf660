import { pathText } from './path-text.ts';

/** One line of what a backup takes and leaves out. */
export interface FilterRule {
  readonly action: 'include' | 'exclude';
  /** As `pathText` gives it, so that names that are not UTF-8 can be meant. */
  readonly pattern: string;
  readonly syntax: 'glob' | 'regexp';
  readonly ignoreCase: boolean;
  /** The list it was written in; differs from `action` when the rule starts with `!`. */
  readonly list: 'include' | 'exclude';
}

export interface RuleOptions {
  readonly ignoreCase?: boolean;
  /** The pattern is a regular expression even without `re:`. */
  readonly regexp?: boolean;
}

/**
 * One rule as it is written after `--exclude` or on a line of a file: `!` turns an exclusion into an inclusion and the other way
 * round, `re:` starts a regular expression, everything else is a glob.
 */
export function parseRule(
  text: string | Uint8Array,
  list: FilterRule['list'],
  { ignoreCase = false, regexp = false }: RuleOptions = {},
): FilterRule {
  let pattern = typeof text === 'string' ? text : pathText(text);
  if (regexp) return { action: list, pattern, syntax: 'regexp', ignoreCase, list };
  let action = list;
  if (pattern.startsWith('!')) {
    action = list === 'exclude' ? 'include' : 'exclude';
    pattern = pattern.slice(1);
  }
  const syntax = pattern.startsWith('re:') ? 'regexp' : 'glob';
  return {
    action,
    pattern: syntax === 'regexp' ? pattern.slice(3) : pattern,
    syntax,
    ignoreCase,
    list,
  };
}

/**
 * The rules of a file, one a line. Blank lines and lines that start with `#` are left out; `\#` and `\!` mean those characters;
 * blanks at the end of a line go unless a backslash is before them. Lines may end in CR LF; the file may hold any bytes.
 */
export function parseRuleFile(
  content: Uint8Array,
  list: FilterRule['list'],
  options: RuleOptions = {},
): FilterRule[] {
  return pathText(content)
    .replace(/^\u{feff}/u, '')
    .split('\n')
    .map((line) => withoutTrailingBlanks(line.endsWith('\r') ? line.slice(0, -1) : line))
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => parseRule(line, list, options));
}

function withoutTrailingBlanks(line: string): string {
  const stripped = line.replace(/[ \t]+$/u, '');
  const backslashes = /\\*$/u.exec(stripped)![0].length;
  return backslashes % 2 === 1 ? line.slice(0, stripped.length + 1) : stripped;
}
