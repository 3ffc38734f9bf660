import { messageOf } from '../../base/errors.ts';
import { exitCodes, fatal } from './fatal.ts';

/**
 * A regular expression in the language of Python, as one of this language: names of groups, `\A`, `\Z` and flags at the start are rewritten.
 *
 * @throws AppError exit code 30 for one that cannot be read
 */
export function pythonExpression(text: string, ignoreCase = false): RegExp {
  let source = text.replaceAll(/\(\?P</gu, '(?<').replaceAll(/\(\?P=(\w+)\)/gu, String.raw`\k<$1>`);
  source = source
    .replaceAll(/(?<!\\)((?:\\\\)*)\\A/gu, '$1^')
    .replaceAll(/(?<!\\)((?:\\\\)*)\\Z/gu, '$1$(?![^])');
  const inline = /^\(\?(?<flags>[aimsxLu]+)\)/u.exec(source);
  const given = inline?.groups?.['flags'] ?? '';
  source = source.slice(inline?.[0].length ?? 0);
  let flags = ignoreCase || given.includes('i') ? 'i' : '';
  for (const flag of ['m', 's']) if (given.includes(flag)) flags += flag;
  try {
    try {
      return new RegExp(source, `${flags}u`);
    } catch {
      // With "u", needless backslashes are errors; Python is as lenient as without.
      return new RegExp(source, flags);
    }
  } catch (cause) {
    throw fatal(
      exitCodes.exception,
      `Error compiling regular expression ${text}: ${messageOf(cause)}`,
      { extra: 'error', cause },
    );
  }
}
