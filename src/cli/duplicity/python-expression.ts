import { messageOf } from '../../base/errors.ts';
import { exitCodes, fatal } from './fatal.ts';

/**
 * A regular expression in the language of Python, as one of this language. It is taken apart and put together anew, because much that is written alike has another meaning: in Python `\w`
 * and `\b` know the letters of all languages, `$` also matches before a line end that is the last character, and a bracket that comes first is a member of its class.
 *
 * @throws AppError exit code 30 for one that cannot be read
 */
export function pythonExpression(text: string, ignoreCase = false): RegExp {
  try {
    const translation = new Translation(text);
    const source = translation.run();
    return new RegExp(source, ignoreCase || translation.ignoresCase ? 'iv' : 'v');
  } catch (cause) {
    throw fatal(
      exitCodes.exception,
      `Error compiling regular expression ${text}: ${messageOf(cause)}`,
      { extra: 'error', cause },
    );
  }
}

/** What stands for classes of characters, without brackets around. */
const unicodeSets = {
  w: String.raw`\p{L}\p{N}_`,
  d: String.raw`\p{Nd}`,
  s: String.raw`\s\x1c-\x1f\x85`,
};
const asciiSets = { w: 'A-Za-z0-9_', d: '0-9', s: String.raw`\t\n\v\f\r\x20` };

/** The only ones that a letter behind a backslash may stand for. */
const controls: Readonly<Record<string, string>> = {
  a: '\u{7}',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

const start = String.raw`(?<![\s\S])`;
const end = String.raw`(?![\s\S])`;

class Translation {
  readonly #text: string;
  #at = 0;
  #flags = '';

  constructor(text: string) {
    const [whole, flags = ''] = /^\(\?([aimsxu]+)\)/u.exec(text) ?? [''];
    this.#flags = flags;
    this.#text = text.slice(whole.length);
  }

  get ignoresCase(): boolean {
    return this.#flags.includes('i');
  }

  run(): string {
    let source = '';
    while (this.#at < this.#text.length) source += this.#next();
    return source;
  }

  #next(): string {
    if (this.#flags.includes('x') && this.#take(/\s|#[^\n]*/uy) !== undefined) return '';
    if (this.#take(/\\/uy) !== undefined) return this.#escape();
    if (this.#take(/\[/uy) !== undefined) return this.#class();
    if (this.#take(/\(\?#[^)]*\)/uy) !== undefined) return '';
    const [, reference] = this.#take(/\(\?P=(\w+)\)/uy) ?? [];
    if (reference !== undefined) return String.raw`\k<${reference}>`;
    const [, name] = this.#take(/\(\?P<(\w+)>/uy) ?? [];
    if (name !== undefined) return `(?<${name}>`;
    const [group] = this.#take(/\((?:\?(?:<?[=!]|:|-?i:)|(?!\?))|[)|*+?]/uy) ?? [];
    if (group !== undefined) return group;
    if (this.#take(/\(/uy) !== undefined) throw new SyntaxError('unknown extension');
    const [, least, comma, most] = this.#take(/\{(\d*)(,?)(\d*)\}(?<!\{\})/uy) ?? [];
    if (comma !== undefined) return `{${least || '0'}${comma}${most}}`;
    return this.#symbol() ?? literal(this.#character());
  }

  #symbol(): string | undefined {
    const hasLines = this.#flags.includes('m');
    if (this.#take(/\^/uy) !== undefined) return hasLines ? `(?:${start}|(?<=\\n))` : start;
    if (this.#take(/\$/uy) !== undefined) return hasLines ? `(?=\\n|${end})` : `(?=\\n?${end})`;
    if (this.#take(/\./uy) === undefined) return undefined;
    return this.#flags.includes('s') ? String.raw`[\s\S]` : String.raw`[^\n]`;
  }

  /** Behind a backslash, outside of classes. */
  #escape(): string {
    const [reference] = this.#take(/[1-9]\d?/uy) ?? [];
    if (reference !== undefined) return `(?:\\${reference})`;
    const [edge] = this.#take(/[AZbB]/uy) ?? [];
    if (edge === 'A') return start;
    if (edge === 'Z') return end;
    if (edge !== undefined) {
      const word = `[${this.#sets.w}]`;
      return edge === 'b'
        ? `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`
        : `(?:(?<=${word})(?=${word})|(?<!${word})(?!${word}))`;
    }
    return this.#set() ?? literal(this.#escaped());
  }

  /** Behind its bracket. */
  #class(): string {
    const isNegated = this.#take(/\^/uy) !== undefined;
    let members = '';
    do {
      const set = this.#text[this.#at] === '\\' ? this.#setInClass() : undefined;
      members += set ?? this.#range();
    } while (this.#take(/\]/uy) === undefined);
    return `[${isNegated ? '^' : ''}${members}]`;
  }

  #setInClass(): string | undefined {
    this.#at++;
    const set = this.#set();
    if (set === undefined) this.#at--;
    return set;
  }

  #range(): string {
    const first = literal(this.#member());
    if (this.#take(/-(?!\])/uy) === undefined) return first;
    return `${first}-${literal(this.#member())}`;
  }

  #member(): string {
    if (this.#take(/\\/uy) === undefined) return this.#character();
    return this.#take(/b/uy) === undefined ? this.#escaped() : '\b';
  }

  /** A class that one letter stands for. */
  #set(): string | undefined {
    const [letter] = this.#take(/[wdsWDS]/uy) ?? [];
    if (letter === undefined) return undefined;
    const members = this.#sets[letter.toLowerCase() as 'w' | 'd' | 's'];
    return `[${letter === letter.toLowerCase() ? '' : '^'}${members}]`;
  }

  get #sets(): typeof unicodeSets {
    return this.#flags.includes('a') ? asciiSets : unicodeSets;
  }

  /** The character that stands behind a backslash, or is described there. */
  #escaped(): string {
    const [, ...codes] = this.#take(/x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})/uy) ?? [];
    const code = codes.find((digits) => digits !== undefined);
    if (code !== undefined) return String.fromCodePoint(Number.parseInt(code, 16));
    const [octal] = this.#take(/0[0-7]{0,2}/uy) ?? [];
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    const character = this.#character();
    if (!/[a-z\d]/iu.test(character)) return character;
    const control = controls[character];
    if (control === undefined) throw new SyntaxError(`bad escape \\${character}`);
    return control;
  }

  #character(): string {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) throw new SyntaxError('it ends too early');
    const character = String.fromCodePoint(code);
    this.#at += character.length;
    return character;
  }

  /** What fits here, if anything does, and goes on behind it. */
  #take(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#text) ?? undefined;
    if (found !== undefined) this.#at = expression.lastIndex;
    return found;
  }
}

/** A character that stands for itself, wherever it is. */
function literal(character: string): string {
  return /[a-z\d]/iu.test(character) ? character : `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
