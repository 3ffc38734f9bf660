import { isAscii, isUtf8 } from 'node:buffer';

/**
 * A path as text in which patterns are looked for: UTF-8, and each byte that is none as one character of its own (a lone surrogate, as in Python), so that no two paths look the same.
 */
export function pathText(path: Uint8Array): string {
  const buffer = Buffer.from(path.buffer, path.byteOffset, path.byteLength);
  if (isAscii(buffer)) return buffer.toString('latin1');
  if (isUtf8(buffer)) return buffer.toString('utf8');
  let text = '';
  for (let at = 0; at < path.length;) {
    const length = [1, 2, 3, 4].find((count) => {
      const piece = buffer.subarray(at, at + count);
      return piece.length === count && isUtf8(piece);
    });
    if (length === undefined) {
      text += String.fromCharCode(0xdc00 + path[at]!);
      at++;
    } else {
      text += buffer.toString('utf8', at, at + length);
      at += length;
    }
  }
  return text;
}
