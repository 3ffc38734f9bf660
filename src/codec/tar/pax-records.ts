import { isUtf8 } from 'node:buffer';

import { AppError } from '../../base/errors.ts';
import { asBuffer, concatBytes, utf8 } from '../../base/bytes.ts';

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;

const BINARY = utf8('21 hdrcharset=BINARY\n');

/**
 * The body of a pax extended header, `"<length> <key>=<value>\n"` for each record, in order. When a value is not UTF-8, a record `hdrcharset=BINARY` comes
 * first, which tells readers to take the bytes as they are (docs/formats/duplicity.md 5).
 */
export function encodePaxRecords(records: Iterable<readonly [string, Uint8Array]>): Uint8Array {
  const parts: Uint8Array[] = [];
  let binary = false;
  for (const [key, value] of records) {
    binary ||= !isUtf8(value);
    const name = utf8(key);
    const length = recordLength(name.length + value.length + 3);
    parts.push(utf8(`${length} `), name, Uint8Array.of(EQUALS), value, Uint8Array.of(NEWLINE));
  }
  return binary ? concatBytes(BINARY, ...parts) : concatBytes(...parts);
}

/** The length of a record that counts its own digits, if it has `rest` bytes without them. */
function recordLength(rest: number): number {
  let length = rest;
  for (;;) {
    const next = rest + String(length).length;
    if (next === length) return length;
    length = next;
  }
}

/**
 * The records of an extended header's body; of those with one key the last. Values are copies. Throws `repository/damaged` when the body is not made of
 * whole records.
 */
export function decodePaxRecords(body: Uint8Array): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>();
  // The values are parts of one copy. It has memory of its own: in what Node hands out in parts, a path that is kept would keep those of hundreds of other entries.
  const bytes = new Uint8Array(body);
  let at = 0;
  while (at < bytes.length) {
    let space = at;
    let length = 0;
    for (; space - at < MOST_DIGITS; space++) {
      const digit = (bytes[space] ?? SPACE) - 0x30;
      if (digit < 0 || digit > 9) break;
      length = length * 10 + digit;
    }
    const end = at + length;
    let equals = space + 1;
    while (equals < bytes.length && bytes[equals] !== EQUALS) equals++;
    // The equals sign lies between the blank and the end, so each turn gets on.
    const isWhole =
      space > at && bytes[space] === SPACE && end <= bytes.length && bytes[end - 1] === NEWLINE;
    if (!isWhole || equals <= space + 1 || equals >= end) {
      throw new AppError('repository/damaged', 'A pax header of the tar archive is damaged');
    }
    records.set(keyAt(bytes, space + 1, equals), bytes.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}

const MOST_DIGITS = 9;
/** An archive has few keys, which stand at every entry of it. */
const MOST_KNOWN = 16;
const longestKnown = 32;
const known: { readonly bytes: Uint8Array; readonly text: string }[] = [];

function keyAt(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  search: for (const key of known) {
    if (key.bytes.length !== length) continue;
    for (let at = 0; at < length; at++) if (key.bytes[at] !== bytes[start + at]) continue search;
    return key.text;
  }
  const text = asBuffer(bytes).toString('utf8', start, end);
  if (known.length < MOST_KNOWN && length <= longestKnown) {
    known.push({ bytes: bytes.slice(start, end), text });
  }
  return text;
}
