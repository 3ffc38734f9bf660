import { AppError } from '../../base/errors.ts';

/** A section of a unit: its lines in order; a line of an empty key is a comment. */
export interface UnitSection {
  readonly name: string;
  readonly lines: readonly (readonly [key: string, value: string])[];
}

/** The text of a unit file, after some lines of comment. */
export function unitText(comments: readonly string[], sections: readonly UnitSection[]): string {
  const head = comments.map((comment) => `# ${comment}`);
  const parts = sections.map(({ name, lines }) =>
    [
      `[${name}]`,
      ...lines.map(([key, value]) => (key === '' ? `# ${value}` : `${key}=${value}`)),
    ].join('\n'),
  );
  return `${[head.join('\n'), ...parts].join('\n\n')}\n`;
}

/** Text of a value that is free to say anything, such as a description. */
export function unitDescription(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .replaceAll('%', '%%')
    .replace(/\\$/u, '');
}

/**
 * A word of a value that is a list (systemd.syntax(7)): quoted where it has to be, `%` doubled. For command lines also `$`, so that no variable is put in.
 *
 * @throws AppError `input/invalid` for a text with a line break or another control character
 */
export function unitWord(
  text: string,
  { isCommand = false }: { readonly isCommand?: boolean } = {},
): string {
  if (/\p{Cc}/u.test(text))
    throw new AppError('input/invalid', `A unit of systemd cannot name ${JSON.stringify(text)}`);
  const escaped = text.replaceAll('%', '%%').replaceAll('$', isCommand ? '$$$$' : '$$');
  if (/^[\w@%+=:,./$-]+$/u.test(escaped)) return escaped;
  return `"${escaped.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/**
 * A command line for `ExecStart=` and its like. The program is named by its whole path.
 *
 * @throws AppError `input/invalid`
 */
export function unitCommand(argv: readonly string[]): string {
  return argv.map((word) => unitWord(word, { isCommand: true })).join(' ');
}

/** Milliseconds as systemd.time(7) reads them: `1h 30min`. */
export function unitSpan(milliseconds: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
    ['ms', 1],
  ] as const;
  const parts: string[] = [];
  let left = Math.max(0, Math.round(milliseconds));
  for (const [name, length] of units) {
    const count = Math.floor(left / length);
    if (count > 0) parts.push(`${count}${name}`);
    left -= count * length;
  }
  return parts.length === 0 ? '0' : parts.join(' ');
}
