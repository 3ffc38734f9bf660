/** Bytes that are judged together. */
const UNIT = 4096;
/** Fewer units in a row are not worth a block of their own. */
const LEAST_UNITS = 4;
/** Every so many bytes one is looked at: odd, so that the bytes of numbers of 2, 4 or 8 bytes are all met. */
const STRIDE = 3;
const SAMPLES = Math.ceil(UNIT / STRIDE);
/** For even bytes the sum of the squared counts is `n + n(n-1)/256`; what is 8 % above could be made 1 % shorter. */
const MOST_UNEVEN = SAMPLES + 1.08 * ((SAMPLES * (SAMPLES - 1)) / 256);

/** So many samples are judged first. Of even ones the sum is 511 on average, with a standard deviation of 23: what is far above needs no more of them. */
const FIRST_SAMPLES = 256;
const FAR_TOO_UNEVEN = 700;

/** Of what came before, every so many bytes are remembered: repetitions from 11 bytes on are found. */
const REMEMBERED = 8;
const TABLE_BITS = 14;

const counts = new Uint16Array(256);
const table = new Uint32Array(2 ** TABLE_BITS);

/** A part of a block: what deflate would not make shorter, or everything else. */
export interface Run {
  readonly isIncompressible: boolean;
  readonly start: number;
  readonly end: number;
}

/**
 * Cuts a block into runs, in order, neighbours of different kinds. What is compressed or encrypted already costs deflate the most time for nothing. It is told by bytes that are
 * evenly distributed and do not repeat what came in the `window` bytes before it; depends on these bytes only.
 */
export function cutRuns(bytes: Uint8Array, start: number, end: number, window: number): Run[] {
  const runs: Run[] = [];
  let done = start;
  for (let at = start; at + LEAST_UNITS * UNIT <= end;) {
    const from = at;
    while (at + UNIT <= end && isEven(bytes, at)) at += UNIT;
    if (at - from < LEAST_UNITS * UNIT || repeats(bytes, from, at, window)) {
      at += UNIT;
      continue;
    }
    if (from > done) runs.push({ isIncompressible: false, start: done, end: from });
    runs.push({ isIncompressible: true, start: from, end: at });
    done = at;
  }
  if (end > done) runs.push({ isIncompressible: false, start: done, end });
  return runs;
}

function isEven(bytes: Uint8Array, start: number): boolean {
  counts.fill(0);
  const end = start + UNIT;
  const firstEnd = start + FIRST_SAMPLES * STRIDE;
  let squares = 0;
  // The square of a count that grows from n to n + 1 grows by 2 n + 1.
  for (let at = start; at < firstEnd; at += STRIDE) squares += 2 * counts[bytes[at]!]!++ + 1;
  if (squares > FAR_TOO_UNEVEN) return false;
  for (let at = firstEnd; at < end; at += STRIDE) squares += 2 * counts[bytes[at]!]!++ + 1;
  return squares <= MOST_UNEVEN;
}

/** Whether more than about 3 % of it came before. */
function repeats(bytes: Uint8Array, start: number, end: number, window: number): boolean {
  table.fill(0);
  const most = (end - start) >>> 8;
  let found = 0;
  for (let at = Math.max(0, start - window); at < start; at += REMEMBERED) {
    const word = wordAt(bytes, at);
    table[slotOf(word)] = word;
  }
  for (let at = start; at + 4 <= end; at++) {
    const word = wordAt(bytes, at);
    const slot = slotOf(word);
    if (table[slot] === word && ++found > most) return true;
    if (at % REMEMBERED === 0) table[slot] = word;
  }
  return false;
}

function wordAt(bytes: Uint8Array, at: number): number {
  const high = (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  return (bytes[at]! | (bytes[at + 1]! << 8) | high) >>> 0;
}

function slotOf(word: number): number {
  return Math.imul(word, 0x9e37_79b1) >>> (32 - TABLE_BITS);
}
