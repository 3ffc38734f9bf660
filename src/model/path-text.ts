import { isAscii, isUtf8 } from 'node:buffer';

import { asBuffer } from '../base/bytes.ts';

/**
 * The text that patterns are matched against: the name as UTF-8, and every byte that is no part of valid UTF-8 as one lone
 * surrogate (U+DC80–U+DCFF, as Python does). So `?` is one character of any script or one stray byte, and two different names
 * never have the same text. Not for display.
 */
export function pathText(bytes: Uint8Array): string {
  const buffer = asBuffer(bytes);
  if (isAscii(buffer)) return buffer.toString('latin1');
  if (isUtf8(buffer)) return buffer.toString('utf8');
  let text = '';
  for (let offset = 0; offset < buffer.length;) {
    const length = sequenceLength(buffer[offset]!);
    const sequence = buffer.subarray(offset, offset + length);
    if (length > 0 && sequence.length === length && isUtf8(sequence)) {
      text += sequence.toString('utf8');
      offset += length;
    } else {
      text += String.fromCharCode(0xdc00 + buffer[offset]!);
      offset++;
    }
  }
  return text;
}

/** The bytes that `pathText` has made a text of; of any other text, its UTF-8. */
export function pathBytes(text: string): Buffer {
  if (!stray.test(text)) return Buffer.from(text);
  const parts = text.split(/([\udc80-\udcff])/u);
  return Buffer.concat(
    parts.map((part, index) =>
      index % 2 === 0 ? Buffer.from(part) : Buffer.of(part.charCodeAt(0) - 0xdc00),
    ),
  );
}

/** With the flag, no half of a pair. */
const stray = /[\udc80-\udcff]/u;

/** How many bytes a character has that starts with this byte; 0 if none does. */
function sequenceLength(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}
