/** How the original, a program in Python, writes values that others read. */
import { isUtf8 } from 'node:buffer';

import { localFields } from '../../base/time-zone.ts';

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

const two = (value: number): string => String(value).padStart(2, '0');

/** Clocks are set at full quarters of an hour, so that the difference to UTC is looked up once for each. */
const offsets = new Map<string, number>();
const QUARTER = 900;
const MOST_OFFSETS = 10_000;

/** Seconds that a zone is ahead of UTC. */
function offsetAt(seconds: number, timeZone: string): number {
  if (timeZone === 'UTC') return 0;
  const quarter = Math.floor(seconds / QUARTER);
  const key = `${quarter} ${timeZone}`;
  let offset = offsets.get(key);
  if (offset === undefined) {
    const { year, month, day, hour, minute, second } = localFields(
      quarter * QUARTER * 1000,
      timeZone,
    );
    const shown = new Date(0);
    shown.setUTCFullYear(year, month - 1, day);
    shown.setUTCHours(hour, minute, second);
    offset = shown.getTime() / 1000 - quarter * QUARTER;
    if (offsets.size >= MOST_OFFSETS) offsets.clear();
    offsets.set(key, offset);
  }
  return offset;
}

/** `Tue Nov 14 22:13:20 2023`, in the zone of this machine; `seconds` since 1970. */
export function calendarTime(seconds: number, timeZone: string): string {
  const whole = Math.floor(seconds);
  const date = new Date((whole + offsetAt(whole, timeZone)) * 1000);
  if (Number.isNaN(date.getTime())) return String(seconds);
  const day = String(date.getUTCDate()).padStart(2);
  const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':');
  return `${days[date.getUTCDay()]} ${months[date.getUTCMonth()]} ${day} ${clock} ${date.getUTCFullYear()}`;
}

/** `20231114T221320Z`; `seconds` since 1970. */
export function compactTime(seconds: number): string {
  const date = new Date(Math.floor(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return String(seconds);
  return date.toISOString().replaceAll(/[-:]|\.\d+/gu, '');
}

/**
 * Text in single quotes with everything but printable ASCII escaped as Python does it; bytes that are no UTF-8 become `\udcXX`. That is how the machine log has names.
 */
export function quoted(bytes: Uint8Array | string): string {
  const text = typeof bytes === 'string' ? bytes : undefined;
  return `'${text === undefined ? escapedBytes(bytes as Uint8Array) : escapedText(text)}'`;
}

function escapedBytes(bytes: Uint8Array): string {
  let escaped = '';
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length === 0) {
      escaped += `\\udc${bytes[at]!.toString(16)}`;
      at++;
    } else {
      escaped += escapedText(Buffer.from(bytes.subarray(at, at + length)).toString('utf8'));
      at += length;
    }
  }
  return escaped;
}

/** Bytes of the character that begins there; 0 if none does. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  const piece = bytes.subarray(at, at + length);
  return length > 0 && piece.length === length && isUtf8(piece) ? length : 0;
}

const short: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": '\\x27',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function escapedText(text: string): string {
  let escaped = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const known = short[character];
    if (known !== undefined) escaped += known;
    else if (code >= 0x20 && code < 0x7f) escaped += character;
    else if (code < 0x100) escaped += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (code < 0x10000) escaped += `\\u${code.toString(16).padStart(4, '0')}`;
    else escaped += `\\U${code.toString(16).padStart(8, '0')}`;
  }
  return escaped;
}
