/** What a server said, for an error: on one line, without control characters, and at most `most` characters of it. */
export function oneLine(text: string, most = 300): string {
  return text
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, most);
}
