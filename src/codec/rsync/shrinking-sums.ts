const multiplier = 0x08104225;
/** The number that undoes a multiplication with `multiplier`, modulo 2^32. */
const inverse = inverseOf(multiplier);
const rollsumOffset = 31;

/**
 * The weak sums of all ends of `bytes`, the longest first: of `bytes` itself, which is `whole`, of `bytes` without its first byte, and so on
 * to its last byte alone (docs/formats/duplicity.md 8.1).
 */
export function* shrinkingSums(
  weak: 'rollsum' | 'rabinKarp',
  whole: number,
  bytes: Uint8Array,
): Generator<number> {
  let sum = whole;
  let high = whole >>> 16;
  let power = powerOf(multiplier, bytes.length - 1);
  for (let index = 0; index < bytes.length; index++) {
    yield sum;
    const byte = bytes[index]!;
    if (weak === 'rollsum') {
      high = (high - Math.imul(bytes.length - index, byte + rollsumOffset)) & 0xffff;
      sum = (high << 16) | ((sum - byte - rollsumOffset) & 0xffff);
    } else {
      sum = (sum - Math.imul(power, byte + multiplier - 1)) | 0;
      power = Math.imul(power, inverse);
    }
  }
}

function powerOf(base: number, exponent: number): number {
  let power = 1;
  let square = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = Math.imul(power, square);
    square = Math.imul(square, square);
  }
  return power;
}

/** Newton's method: each step doubles the number of right bits, of which an odd number has three. */
function inverseOf(odd: number): number {
  let found = odd;
  for (let step = 0; step < 4; step++) found = Math.imul(found, 2 - Math.imul(odd, found));
  return found;
}
