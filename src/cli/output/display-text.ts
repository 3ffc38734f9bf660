import { isUtf8 } from 'node:buffer';

import { asBuffer } from '../../base/bytes.ts';
import { pathBytes, pathText } from '../../model/path-text.ts';

/** Control characters, and those that turn text around or are not seen at all. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const unsafeOrBackslash = new RegExp(`${unsafe.source}|\\\\`, 'gu');

/** A backslash that would be read as the begin of an escape. */
const looksEscaped = /\\(?:([nrt\\])|x([0-9a-f]{2})|u\{([0-9a-f]{1,6})\})/u;

const short: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\\': '\\\\',
};

const long: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/**
 * A path for the terminal: what could move the cursor, change colours or pass for something else is escaped (`\n`, `\x1b`,
 * `\u{202e}`), and so is every byte that is not UTF-8 (`\xff`). In a name with an escape, or that looks as if it
 * had one, backslashes are doubled: no two paths look the same.
 */
export function displayPath(path: Uint8Array): string {
  const text = pathText(path);
  return looksEscaped.test(text) ? escaped(text) : displayText(text);
}

/** The path that `displayPath` shows so, if it has escapes; otherwise the text means itself. */
export function pathShownAs(text: string): Uint8Array | undefined {
  if (!looksEscaped.test(text)) return undefined;
  const plain = text.replaceAll(
    new RegExp(looksEscaped, 'gu'),
    (escape, letter?: string, byte?: string, point?: string) => {
      if (letter !== undefined) return long[letter] ?? letter;
      if (point !== undefined) return characterOf(Number.parseInt(point, 16)) ?? escape;
      const code = Number.parseInt(byte ?? '', 16);
      return String.fromCharCode(code < 0x80 ? code : 0xdc00 + code);
    },
  );
  const path = pathBytes(plain);
  return displayPath(path) === text ? path : undefined;
}

function characterOf(code: number): string | undefined {
  return code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}

/** The same for text that came from somewhere else: host names, tags, messages. */
export function displayText(text: string): string {
  return unsafe.test(text) ? escaped(text) : text;
}

function escaped(text: string): string {
  return text.replace(unsafeOrBackslash, (character) => {
    const code = character.codePointAt(0)!;
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
    return (
      short[character] ??
      (code < 0x80 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`)
    );
  });
}

/** A path in JSON: `path`, and the exact bytes as `path_b64` if it is not UTF-8. */
export function pathFields(path: Uint8Array): { path: string; path_b64?: string } {
  const buffer = asBuffer(path);
  const text = buffer.toString('utf8');
  return isUtf8(buffer) ? { path: text } : { path: text, path_b64: buffer.toString('base64') };
}

/** Several paths in JSON; `paths_b64` has all of them if one is not UTF-8. */
export function pathsFields(paths: readonly Uint8Array[]): {
  paths: string[];
  paths_b64?: string[];
} {
  const buffers = paths.map(asBuffer);
  const texts = buffers.map((buffer) => buffer.toString('utf8'));
  return buffers.every((buffer) => isUtf8(buffer))
    ? { paths: texts }
    : { paths: texts, paths_b64: buffers.map((buffer) => buffer.toString('base64')) };
}

const wide =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u{3000}-\u{303f}\u{ff01}-\u{ff60}\u{ffe0}-\u{ffe6}]/u;
const zero = /^[\p{M}\p{Cf}]+$/u;
let segmenter: Intl.Segmenter | undefined;

function clustersOf(text: string): string[] {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

function clusterWidth(cluster: string): number {
  if (wide.test(cluster) || cluster.includes('\u{fe0f}')) return 2;
  return zero.test(cluster) ? 0 : 1;
}

const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/u.test(text);

/** How many columns a text takes on a terminal. */
export function displayWidth(text: string): number {
  if (isAscii(text)) return text.length;
  return clustersOf(text).reduce((width, cluster) => width + clusterWidth(cluster), 0);
}

/** The text, or its beginning and an ellipsis if it is wider than `width` columns. */
export function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let taken = '';
  let used = 0;
  for (const cluster of clustersOf(text)) {
    used += clusterWidth(cluster);
    if (used > width - 1) break;
    taken += cluster;
  }
  return width <= 0 ? '' : `${taken}…`;
}
