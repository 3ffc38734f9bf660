/**
 * Text from elsewhere (names of files, what a server said) on one line: without control characters and those that turn the direction of
 * writing, which could make a message look like another one. At most `most` characters, the end of a longer one is `…`.
 */
export function plainLine(text: string, most = Number.POSITIVE_INFINITY): string {
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').replaceAll(hidden, '');
  return shortened(line.trim(), most);
}

/** The same for text of several lines, which stay. */
export function plainText(text: string): string {
  return text
    .replaceAll(/\r\n?/gu, '\n')
    .replaceAll(/[^\P{Cc}\n\t]/gu, '')
    .replaceAll(hidden, '');
}

const hidden = /[\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** At most `most` UTF-16 units, never half a character; `…` where something is missing. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  return `${text.slice(0, Math.max(0, most - 1)).replace(/[\ud800-\udbff]$/u, '')}…`;
}

/** At most `most` bytes in UTF-8, never half a character; the beginning goes, for the end of an output tells most. */
export function lastBytes(text: string, most: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= most) return text;
  let start = bytes.length - most;
  while (start < bytes.length && (bytes[start]! & 0xc0) === 0x80) start++;
  return bytes.subarray(start).toString('utf8');
}
