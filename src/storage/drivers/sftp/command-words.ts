import { AppError } from '../../../base/errors.ts';

/**
 * The words of a command line, as a shell would split it at spaces, with '…', "…" and backslashes, and nothing else of a shell: no
 * variables, no patterns. Throws `input/usage` for a quote that is not closed.
 */
export function commandWords(text: string, option: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let index = 0; index < text.length; index++) {
    const letter = text[index] ?? '';
    if (/\s/u.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (letter === "'" || letter === '"') {
      const [inside, end] = quoted(text, index, option);
      word = (word ?? '') + inside;
      index = end;
    } else if (letter === '\\' && index + 1 < text.length) {
      word = (word ?? '') + (text[++index] ?? '');
    } else word = (word ?? '') + letter;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** What stands between the quote at `start` and the next one, and where that is. */
function quoted(
  text: string,
  start: number,
  option: string,
): readonly [inside: string, end: number] {
  const quote = text[start];
  let inside = '';
  for (let index = start + 1; index < text.length; index++) {
    const letter = text[index] ?? '';
    if (letter === quote) return [inside, index];
    const next = text[index + 1];
    if (letter === '\\' && quote === '"' && (next === '"' || next === '\\')) {
      inside += next;
      index++;
    } else inside += letter;
  }
  throw new AppError('input/usage', `The option "${option}" has a quote that is not closed`);
}
