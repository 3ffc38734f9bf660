import { AppError } from '../base/errors.ts';

/** A compiled glob. Paths are given as `pathText` without a leading slash; `''` is the root. */
export interface Glob {
  /** Whether the whole path matches. */
  matches(path: string): boolean;
  /** When set, only the last part of a path matters and this answers for it alone. */
  readonly matchesName: ((name: string) => boolean) | undefined;
  /** False only if nothing below this directory can match. */
  mayMatchBelow(directory: string): boolean;
  /** The pattern ended in a slash: it means directories. */
  readonly directoriesOnly: boolean;
}

const anyParts = Symbol('**');

/** One part between slashes: `**`, or a regular expression; `crosses` says that it may stretch over slashes. */
type Part = typeof anyParts | { readonly source: string; readonly crosses: boolean };

/**
 * Compiles a glob:
 *
 * - `*` any characters but `/`; `?` one character but `/`; `[a-z]`, `[!a-z]` one character of (not of) a set, never `/`;
 * - `**` as a whole part any number of parts, also none (as the last part: everything below); inside a part any characters with `/`;
 * - `\` takes the next character as it is;
 * - a leading `/` anchors at the root of the file system; without it the pattern matches at any depth, in whole parts;
 * - a trailing `/` means directories only.
 *
 * Throws `input/invalid`.
 */
export function compileGlob(
  pattern: string,
  options: { readonly ignoreCase?: boolean } = {},
): Glob {
  const flags = options.ignoreCase === true ? 'sui' : 'su';
  const anchored = pattern.startsWith('/');
  const directoriesOnly = /[^\\](?:\\\\)*\/$/u.test(pattern);
  const parts = splitParts(pattern).filter((part) => part !== '' && part !== '.');
  if (parts.length === 0 || parts.includes('..')) {
    throw new AppError('input/invalid', `The pattern "${pattern}" cannot match anything`, {
      hint: 'Write a name (*.o), a relative path (cache/*) or an absolute path (/home/*/cache)',
    });
  }
  const compiled = parts.map((part) => compilePart(part, pattern));
  const whole = new RegExp(`^${join(anchored ? compiled : [anyParts, ...compiled])}$`, flags);
  const [only] = compiled;
  const name =
    !anchored && compiled.length === 1 && only !== anyParts
      ? new RegExp(`^${only!.source}$`, flags)
      : undefined;
  const leading: RegExp[] = [];
  for (const part of compiled) {
    if (part === anyParts || part.crosses) break;
    leading.push(new RegExp(`^${part.source}$`, flags));
  }
  // Past `leading` the pattern can stretch over any number of parts, unless `leading` is all of it.
  const openEnded = leading.length < compiled.length;
  return {
    directoriesOnly,
    matches: (path) => whole.test(path),
    matchesName: name === undefined ? undefined : (text) => name.test(text),
    mayMatchBelow(directory) {
      if (!anchored) return true;
      const above = directory === '' ? [] : directory.split('/');
      if (above.length >= leading.length && !openEnded) return false;
      return leading.every((part, depth) => depth >= above.length || part.test(above[depth]!));
    },
  };
}

/** Splits at slashes; an escaped slash is a slash, too, because no name contains one. */
function splitParts(pattern: string): string[] {
  return pattern.replace(/((?:^|[^\\])(?:\\\\)*)\\(?=\/)/gu, '$1').split('/');
}

/** The body of a regular expression for a list of parts. */
function join(parts: readonly Part[]): string {
  let source = '';
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1;
    if (part === anyParts) {
      if (parts[index + 1] === anyParts) continue;
      source += last ? '.+' : '(?:.*/)?';
    } else {
      source += last ? part.source : `${part.source}/`;
    }
  }
  return source;
}

function compilePart(part: string, pattern: string): Part {
  if (/^\*\*+$/u.test(part)) return anyParts;
  const characters = Array.from(part);
  let source = '';
  let crosses = false;
  for (let index = 0; index < characters.length;) {
    const character = characters[index]!;
    if (character === '*') {
      const stars = characters.slice(index).findIndex((next) => next !== '*');
      const count = stars === -1 ? characters.length - index : stars;
      crosses ||= count > 1;
      source += count > 1 ? '.*' : '[^/]*';
      index += count;
    } else if (character === '?') {
      source += '[^/]';
      index++;
    } else if (character === '[') {
      const set = compileSet(characters, index, pattern);
      source += set.source;
      index = set.end;
    } else if (character === '\\') {
      const literal = characters[index + 1];
      if (literal === undefined) throw invalid(pattern, 'ends in a lone backslash');
      source += RegExp.escape(literal);
      index += 2;
    } else {
      source += RegExp.escape(character);
      index++;
    }
  }
  return { source, crosses };
}

/** `[…]` from its opening bracket on. A `]` right at the start is a member. */
function compileSet(
  characters: readonly string[],
  start: number,
  pattern: string,
): { source: string; end: number } {
  let index = start + 1;
  const negated = characters[index] === '!' || characters[index] === '^';
  if (negated) index++;
  const first = index;
  let members = '';
  const take = (): string => {
    const escaped = characters[index] === '\\';
    const member = characters[escaped ? index + 1 : index];
    if (member === undefined) throw invalid(pattern, 'has a "[" without "]"');
    index += escaped ? 2 : 1;
    return member;
  };
  while (index === first || characters[index] !== ']') {
    const low = take();
    if (
      characters[index] === '-' &&
      index + 1 < characters.length &&
      characters[index + 1] !== ']'
    ) {
      index++;
      const high = take();
      if (high.codePointAt(0)! < low.codePointAt(0)!)
        throw invalid(pattern, `has a range "${low}-${high}" that is upside down`);
      members += `${RegExp.escape(low)}-${RegExp.escape(high)}`;
    } else {
      members += RegExp.escape(low);
    }
  }
  return { source: `(?!/)[${negated ? '^' : ''}${members}]`, end: index + 1 };
}

function invalid(pattern: string, what: string): AppError {
  return new AppError('input/invalid', `The pattern "${pattern}" ${what}`, {
    hint: 'Put a backslash before a character that is meant literally',
  });
}
