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
  const text = asBuffer(body);
  let at = 0;
  while (at < body.length) {
    const space = body.indexOf(SPACE, at);
    const digits = space - at > 9 ? '' : text.toString('latin1', at, Math.max(at, space));
    const end = at + Number(digits);
    const equals = body.indexOf(EQUALS, space + 1);
    // The equals sign lies between the blank and the end, so each turn gets on.
    const isWhole = /^[0-9]+$/u.test(digits) && end <= body.length && body[end - 1] === NEWLINE;
    if (!isWhole || equals <= space + 1 || equals >= end) {
      throw new AppError('repository/damaged', 'A pax header of the tar archive is damaged');
    }
    const key = text.toString('utf8', space + 1, equals);
    records.set(key, new Uint8Array(body.subarray(equals + 1, end - 1)));
    at = end;
  }
  return records;
}
