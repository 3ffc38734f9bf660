import { topBits, WINDOW, type ChunkerParameters } from './parameters.ts';

/**
 * Every cut of `data` (positions, the end included), straight from the rules of docs/formats/native.md, section 7.2. Slow and
 * obvious: what the other kernels are compared with.
 */
export function plainCuts(
  data: Uint8Array,
  table: Uint32Array,
  parameters: ChunkerParameters,
): number[] {
  const strict = topBits(parameters.strictBits);
  const loose = topBits(parameters.looseBits);
  const cuts: number[] = [];
  let start = 0;
  while (start < data.length) {
    start = nextCut(data, start, (position) => {
      const hash = hashBefore(data, position, table);
      const mask = position < start + parameters.normal ? strict : loose;
      return (hash & mask) === 0;
    });
    cuts.push(start);
  }
  return cuts;

  function nextCut(bytes: Uint8Array, from: number, isCut: (position: number) => boolean): number {
    const limit = Math.min(bytes.length, from + parameters.maximum);
    for (let position = from + parameters.minimum; position < limit; position++) {
      if (isCut(position)) return position;
    }
    return limit;
  }
}

/** h(p): the hash of the 32 bytes before `position`. */
function hashBefore(data: Uint8Array, position: number, table: Uint32Array): number {
  let hash = 0;
  for (let at = Math.max(0, position - WINDOW); at < position; at++) {
    hash = ((hash << 1) + table[data[at]!]!) | 0;
  }
  return hash;
}
