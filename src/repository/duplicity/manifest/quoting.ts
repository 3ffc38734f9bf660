/** How a manifest writes bytes that would break its lines (docs/formats/duplicity.md 3). */
import { asBuffer, concatBytes, utf8 } from '../../../base/bytes.ts';

const quote = 0x22;
const backslash = 0x5c;

/** White space, backslash and both quotation marks. */
function isSpecial(byte: number): boolean {
  return isSpace(byte) || byte === quote || byte === backslash || byte === 0x27;
}

/** Space, tab, and the line and page breaks, as duplicity splits lines at. */
export function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

/** The bytes as they are, or within quotation marks with the special ones as `\xHH`. */
export function quoted(bytes: Uint8Array): Uint8Array {
  if (!bytes.some(isSpecial)) return bytes;
  const parts: Uint8Array[] = [];
  let start = 0;
  for (const [at, byte] of bytes.entries()) {
    if (!isSpecial(byte)) continue;
    parts.push(bytes.subarray(start, at), utf8(`\\x${byte.toString(16).padStart(2, '0')}`));
    start = at + 1;
  }
  return concatBytes(Uint8Array.of(quote), ...parts, bytes.subarray(start), Uint8Array.of(quote));
}

/** The opposite; `undefined` when the quotation does not end or holds an escape that is none. */
export function unquoted(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes[0] !== quote) return bytes;
  if (bytes.length < 2 || bytes.at(-1) !== quote) return undefined;
  const text = asBuffer(bytes);
  const plain = new Uint8Array(bytes.length - 2);
  let length = 0;
  for (let at = 1; at < bytes.length - 1; at++) {
    let byte = bytes[at] as number;
    if (byte === backslash) {
      const escape = text.toString('latin1', at + 1, at + 4);
      if (at + 4 > bytes.length - 1 || !/^x[0-9a-f]{2}$/iu.test(escape)) return undefined;
      byte = Number.parseInt(escape.slice(1), 16);
      at += 3;
    }
    plain[length++] = byte;
  }
  return plain.subarray(0, length);
}
