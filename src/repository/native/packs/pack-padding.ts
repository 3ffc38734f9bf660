import { padme } from '../../../codec/padme.ts';

/**
 * How many bytes of padding make a pack as long as a PADMÉ length: that of what it would be without, or the one after it if none of them does.
 *
 * @param totalWith bytes of the pack with so many bytes of padding
 */
export function paddingFor(totalWith: (length: number) => number): number {
  let wanted = padme(totalWith(0));
  for (;;) {
    let length = 0;
    // The table tells the length of the padding, and is padded itself: what is added to one is added to the other in steps.
    for (let round = 0; round < 8 && length >= 0; round++) {
      const missing = wanted - totalWith(length);
      if (missing === 0) return length;
      length += missing;
    }
    wanted = padme(wanted + 1);
  }
}
