import { MalformedError } from '../../src/codec/binary/byte-reader.ts';

/**
 * Decodes every truncation of the bytes, and the bytes with each bit of each byte flipped. Whatever is decoded goes to `check`; a
 * `MalformedError` is fine; anything else that is thrown comes out of here. Gives how many were refused.
 */
export function eachDamage<Value>(
  bytes: Uint8Array,
  decode: (bytes: Uint8Array) => Value,
  check: (value: Value, damaged: Uint8Array) => void = () => undefined,
): number {
  let refused = 0;
  const attempt = (damaged: Uint8Array): void => {
    let value: Value;
    try {
      value = decode(damaged);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      refused++;
      return;
    }
    check(value, damaged);
  };
  for (let length = 0; length < bytes.length; length++) attempt(bytes.slice(0, length));
  for (let index = 0; index < bytes.length; index++) {
    for (let bit = 0; bit < 8; bit++) {
      const damaged = Uint8Array.from(bytes);
      damaged[index] = damaged[index]! ^ (1 << bit);
      attempt(damaged);
    }
  }
  return refused;
}
