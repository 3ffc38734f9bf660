/** CRC-64 as Redis has it (Jones' polynomial, reflected, begins with 0): https://github.com/redis/redis/blob/7.0/src/crc64.c */
const low = new Uint32Array(256);
const high = new Uint32Array(256);
// The polynomial ad93d23594c935a9 with its bits turned round.
const [polynomialHigh, polynomialLow] = [0x95ac9329, 0xac4bc9b5];
for (let byte = 0; byte < 256; byte++) {
  let [upper, lower] = [0, byte];
  for (let bit = 0; bit < 8; bit++) {
    const carry = lower & 1;
    lower = (lower >>> 1) | ((upper & 1) << 31);
    upper >>>= 1;
    if (carry === 1) {
      lower ^= polynomialLow;
      upper ^= polynomialHigh;
    }
  }
  low[byte] = lower;
  high[byte] = upper;
}

/** A checksum that grows with what it is given. */
export class Crc64 {
  #low = 0;
  #high = 0;

  update(bytes: Uint8Array): this {
    let lower = this.#low;
    let upper = this.#high;
    for (let index = 0; index < bytes.length; index++) {
      const row = (lower ^ bytes[index]!) & 0xff;
      lower = ((lower >>> 8) | (upper << 24)) ^ low[row]!;
      upper = (upper >>> 8) ^ high[row]!;
    }
    this.#low = lower;
    this.#high = upper;
    return this;
  }

  /** As it stands so far. */
  get value(): bigint {
    return (BigInt(this.#high >>> 0) << 32n) | BigInt(this.#low >>> 0);
  }

  copy(): Crc64 {
    const other = new Crc64();
    other.#low = this.#low;
    other.#high = this.#high;
    return other;
  }
}
