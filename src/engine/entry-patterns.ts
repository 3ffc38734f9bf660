import { AppError, messageOf } from '../base/errors.ts';
import type { Entry } from '../model/entry.ts';
import { compileGlob } from '../model/glob.ts';
import { pathText } from '../model/path-text.ts';

/**
 * Compiles what is looked for: globs as in rules, or `re:` and a regular expression that is looked for in the absolute path; one of them is enough.
 *
 * @throws AppError `input/invalid` for a pattern that cannot be read
 */
export function compileEntryPatterns(
  patterns: readonly string[],
  ignoreCase: boolean,
): (path: Uint8Array, entry: Pick<Entry, 'name' | 'type'>) => boolean {
  const matchers = patterns.map((pattern) => matcherOf(pattern, ignoreCase));
  return (path, entry) => {
    const text = pathText(path).replace(/^\//u, '');
    const name = pathText(entry.name);
    const isDirectory = entry.type === 'directory';
    return matchers.some((matches) => matches(text, name, isDirectory));
  };
}

/** Whether a pattern matches an entry itself, by its absolute path without the leading slash. */
type Matcher = (path: string, name: string, directory: boolean) => boolean;

function matcherOf(pattern: string, ignoreCase: boolean): Matcher {
  if (pattern.startsWith('re:')) {
    const expression = expressionOf(pattern.slice(3), ignoreCase);
    return (path) => expression.test(`/${path}`);
  }
  const glob = compileGlob(pattern, { ignoreCase });
  return (path, name, directory) =>
    (directory || !glob.directoriesOnly) && (glob.matchesName?.(name) ?? glob.matches(path));
}

function expressionOf(source: string, ignoreCase: boolean): RegExp {
  try {
    return new RegExp(source, ignoreCase ? 'sui' : 'su');
  } catch (cause) {
    throw new AppError(
      'input/invalid',
      `"${source}" is not a regular expression: ${messageOf(cause)}`,
      { cause },
    );
  }
}
