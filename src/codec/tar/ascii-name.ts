/**
 * Copies `bytes` as Python writes a name in ASCII: each character that is not ASCII, and each byte that belongs to no UTF-8 character, becomes one
 * question mark (docs/formats/duplicity.md 5). Undefined when everything is ASCII.
 */
export function asciiWithQuestionMarks(bytes: Uint8Array): Uint8Array | undefined {
  if (isAscii(bytes)) return undefined;
  const ascii = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at += Math.max(1, utf8CharacterLength(bytes, at))) {
    const byte = bytes[at]!;
    ascii[length] = byte < 0x80 ? byte : 0x3f;
    length += 1;
  }
  return ascii.subarray(0, length);
}

function isAscii(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += 1) if (bytes[at]! >= 0x80) return false;
  return true;
}

/** The length of the UTF-8 character (RFC 3629) that begins at `at`; 0 when none does. */
function utf8CharacterLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > bytes.length) return 0;
  const second = bytes[at + 1]!;
  // Neither longer than needed, nor a surrogate, nor beyond U+10FFFF.
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  for (let i = 2; i < length; i += 1) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0;
  return length;
}
