import { exitCodes, fatal } from './fatal.ts';

/** How text of a filter is meant; the switches `--filter-…` of duplicity 2 and later change it for what follows. */
export type FilterMode = 'globbing' | 'literal' | 'regexp';

/** What a pattern says of a path: a match, something on the way to one, or nothing. */
export type PatternVerdict = 'match' | 'scan' | undefined;

/** A glob of duplicity's, ready to be asked about paths; patterns and paths are joined to the source as it was given. */
export class GlobPattern {
  readonly #whole: RegExp;
  readonly #exact: RegExp | undefined;
  readonly #scan: RegExp;

  /**
   * @param literal - take every character as it is
   * @throws AppError exit code 15 for two slashes in a row, where the original minds them: neither at the end nor behind `**`
   */
  constructor(
    glob: string,
    { ignoreCase = false, literal = false }: { ignoreCase?: boolean; literal?: boolean } = {},
  ) {
    const flags = ignoreCase ? 'sui' : 'su';
    const expression = literal ? escaped : expressionOf;
    const isDirectory = glob.endsWith('/') && glob !== '/';
    const plain = isDirectory ? glob.slice(0, -1) : glob;
    const scanned = literal ? plain : upToWildcard(plain);
    if (scanned.split('/').slice(1, -1).includes('')) {
      throw fatal(
        exitCodes.badPattern,
        `Fatal Error while processing expression\nConsecutive '/'s found in globbing string ${glob}`,
      );
    }
    const text = expression(plain);
    // A match covers everything below it.
    const end = glob === '/' || glob === '' ? '' : '(?:/|$)';
    this.#whole = new RegExp(`^(?:${text})${end}`, flags);
    this.#exact = isDirectory ? new RegExp(`^(?:${text})$`, flags) : undefined;
    this.#scan = new RegExp(`^(?:${leadingParts(scanned).map(expression).join('|')})$`, flags);
  }

  /** `path` as `pathText` gives it. What is no directory is scanned as well, as in duplicity: it holds nothing, and so goes unless something else includes it. */
  verdict(path: string, isDirectory: boolean): PatternVerdict {
    if (this.#whole.test(path)) {
      // With a slash at its end: what it matches to its own end has to be a directory, even where a part of it matches as well.
      return isDirectory || this.#exact?.test(path) !== true ? 'match' : undefined;
    }
    return this.#scan.test(path) ? 'scan' : undefined;
  }
}

/** The part of a glob up to the first `**`: everything from there on is looked into. */
function upToWildcard(glob: string): string {
  const at = glob.indexOf('**');
  return at < 0 ? glob : glob.slice(0, at + 2);
}

/** Of `/a/b/c`: `/`, `/a`, `/a/b`, `/a/b/c`. */
function leadingParts(glob: string): string[] {
  const parts = glob.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/') || '/');
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/gu, String.raw`\$&`);
}

/** `**` is anything, `*` and `?` anything but a slash, `[…]` a class; there is no escape character. */
function expressionOf(glob: string): string {
  let expression = '';
  for (let at = 0; at < glob.length;) {
    const rest = glob.slice(at);
    const known = wildcards.find(([text]) => rest.startsWith(text));
    if (known !== undefined) {
      expression += known[1];
      at += known[0].length;
      continue;
    }
    const members = bracketed.exec(rest);
    if (members !== null) {
      expression += classOf(members.groups!['members']!, members.groups!['negated'] !== '');
      at += members[0].length;
      continue;
    }
    const character = String.fromCodePoint(rest.codePointAt(0)!);
    expression += escaped(character);
    at += character.length;
  }
  return expression;
}

/** A class, which has at least one member; a bracket that comes first is one. Else the opening bracket stands for itself. */
const bracketed = /^\[(?<negated>[!^]|(?![!^]))(?<members>.[^\]]*)\]/su;

const wildcards = [
  ['**', '.*'],
  ['*', '[^/]*'],
  ['?', '[^/]'],
] as const;

/** A range that goes backwards holds nothing. */
function classOf(members: string, isNegated: boolean): string {
  const characters = Array.from(members);
  let inside = '';
  for (let at = 0; at < characters.length; at++) {
    const from = characters[at]!;
    const to = characters[at + 2];
    if (characters[at + 1] === '-' && to !== undefined) {
      if (from.codePointAt(0)! <= to.codePointAt(0)!) inside += `${member(from)}-${member(to)}`;
      at += 2;
    } else inside += member(from);
  }
  return `[${isNegated ? '^' : ''}${inside}]`;
}

function member(character: string): string {
  return /[\\\]^[\-&~|!#$%*+,.:;<=>?@`{}()/]/u.test(character)
    ? `\\x${character.codePointAt(0)!.toString(16).padStart(2, '0')}`
    : character;
}
