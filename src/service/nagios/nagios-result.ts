/** What a plugin says: its exit status and its output, without a newline at the end. */
export interface NagiosResult {
  readonly status: 0 | 1 | 2 | 3;
  readonly text: string;
}

/** UNKNOWN: nothing can be said, which is not the same as that all is well. */
export function unknownResult(reason: string, hint?: string): NagiosResult {
  const lines = [`UNKNOWN: ${oneLine(reason)}`, ...(hint === undefined ? [] : [oneLine(hint)])];
  return { status: 3, text: lines.join('\n') };
}

/** What stands behind `|` is performance data, so there must be none in a text. */
export const oneLine = (text: string): string =>
  text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .replaceAll('|', '¦')
    .trim();
