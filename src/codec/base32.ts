import { MalformedError } from './binary/byte-reader.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** RFC 4648, upper case, without padding. */
export function toBase32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let buffer = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(buffer >>> bits) & 31] ?? '';
    }
    buffer &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + (alphabet[(buffer << (5 - bits)) & 31] ?? '');
}

/** Reads what `toBase32` wrote. Throws a `MalformedError` for other characters, and for bits at the end that are not zero. */
export function fromBase32(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let bits = 0;
  let buffer = 0;
  let length = 0;
  for (const character of text) {
    const value = alphabet.indexOf(character);
    if (value < 0) throw new MalformedError(`"${character}" is not a character of base32`);
    buffer = (buffer << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[length++] = buffer >>> bits;
      buffer &= (1 << bits) - 1;
    }
  }
  if (bits >= 5 || buffer !== 0) throw new MalformedError('Not a whole number of bytes');
  return bytes;
}
