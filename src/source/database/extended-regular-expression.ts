import { AppError } from '../../base/errors.ts';

const classes: Readonly<Record<string, string>> = {
  alnum: '\\p{L}\\p{Nd}',
  alpha: '\\p{L}',
  blank: ' \\t',
  cntrl: '\\p{Cc}',
  digit: '0-9',
  graph: '\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}',
  lower: '\\p{Ll}',
  print: '\\p{L}\\p{M}\\p{N}\\p{P}\\p{S} ',
  punct: '\\p{P}\\p{S}',
  space: '\\s',
  upper: '\\p{Lu}',
  xdigit: '0-9A-Fa-f',
};

const word = String.raw`[\p{L}\p{M}\p{N}_]`;
const beginning = `(?<!${word})(?=${word})`;
const end = `(?<=${word})(?!${word})`;

/** What GNU's programs have besides. */
const escapes: Readonly<Record<string, string>> = {
  w: word,
  W: `[^${word.slice(1)}`,
  s: String.raw`\s`,
  S: String.raw`\S`,
  '<': beginning,
  '>': end,
  b: `(?:${beginning}|${end})`,
  B: `(?!${beginning}|${end})`,
};

/**
 * An extended regular expression of POSIX (IEEE 1003.1, 9.4), as `grep -E` takes it: found anywhere in a text unless it says `^` and `$`; `\w`, `\W`, `\s`,
 * `\S`, `\b`, `\B`, `\<` and `\>` as there; without back-references.
 *
 * @throws AppError `input/invalid`
 */
export function parseExtendedRegularExpression(text: string): RegExp {
  try {
    return new RegExp(translate(text), 'su');
  } catch (cause) {
    throw new AppError('input/invalid', `"${text}" is not an extended regular expression`, {
      cause,
      hint: 'It is written as for "grep -E": ^app_, (shop|forum), [[:digit:]]+$',
    });
  }
}

function translate(text: string): string {
  const characters = Array.from(text);
  let result = '';
  for (let index = 0; index < characters.length;) {
    const character = characters[index]!;
    if (character === '[') {
      const [bracket, next] = translateBracket(characters, index);
      result += bracket;
      index = next;
    } else if (character === '\\') {
      const next = characters[index + 1];
      if (next === undefined) throw new SyntaxError('A backslash at the end');
      if (/[1-9]/u.test(next)) throw new SyntaxError('Back-references');
      result += escapes[next] ?? literal(next);
      index += 2;
    } else if (character === '{') {
      const interval = /^\{\d+(?:,\d*)?\}/u.exec(characters.slice(index).join(''))?.[0];
      result += interval ?? '\\{';
      index += interval?.length ?? 1;
    } else if (character === '(') {
      result += '(?:';
      index++;
    } else {
      result += /[.*+?|)^$]/u.test(character) ? character : literal(character);
      index++;
    }
  }
  return result;
}

function translateBracket(characters: readonly string[], start: number): [string, number] {
  let index = start + 1;
  let result = '[';
  if (characters[index] === '^') {
    result += '^';
    index++;
  }
  for (let first = true; ; first = false) {
    const character = characters[index];
    if (character === undefined) throw new SyntaxError('A bracket is not closed');
    if (character === ']' && !first) return [`${result}]`, index + 1];
    const name = /^\[:([a-z]+):\]/u.exec(characters.slice(index, index + 12).join(''));
    if (name !== null) {
      const set = classes[name[1]!];
      if (set === undefined) throw new SyntaxError(`No class ${name[1]}`);
      result += set;
      index += name[0].length;
      continue;
    }
    const last = characters[index + 2];
    if (characters[index + 1] === '-' && last !== undefined && last !== ']') {
      result += `${literalInBracket(character)}-${literalInBracket(last)}`;
      index += 3;
    } else {
      result += literalInBracket(character);
      index++;
    }
  }
}

const literal = (character: string): string =>
  /[\^$\\.*+?()[\]{}|/]/u.test(character) ? `\\${character}` : character;

const literalInBracket = (character: string): string =>
  character === '-' ? '\\-' : literal(character);
