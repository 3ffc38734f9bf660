import { resolveRange } from '../../src/storage/byte-range.ts';
import { tapStream } from '../../src/storage/byte-stream.ts';
import { forward } from '../../src/storage/layers/forward.ts';
import type { GetOptions, Storage } from '../../src/storage/storage.ts';

/** Which bit of an object reads wrong. A negative byte counts from the end. */
export interface Damage {
  readonly byte: number;
  /** 0 to 7. */
  readonly bit?: number;
}

/**
 * A storage where `damageOf` says of each object whether one of its bits reads flipped, so that damage never happens to be none. What is
 * stored stays as it is.
 */
export function damaging(inner: Storage, damageOf: (name: string) => Damage | undefined): Storage {
  async function flipper(
    name: string,
    { signal, range }: GetOptions,
  ): Promise<(bytes: Uint8Array, offset: number) => void> {
    const damage = damageOf(name);
    if (damage === undefined) return () => undefined;
    const { size } = await inner.stat(name, { signal });
    const place =
      resolveRange(name, size, { offset: damage.byte, length: 1 }).offset -
      resolveRange(name, size, range).offset;
    return (bytes, offset) => {
      const index = place - offset;
      if (index >= 0 && index < bytes.byteLength)
        bytes[index] = bytes[index]! ^ (1 << (damage.bit ?? 0));
    };
  }
  return {
    ...forward(inner),
    async read(name, options = {}) {
      const flip = await flipper(name, options);
      const bytes = await inner.read(name, options);
      flip(bytes, 0);
      return bytes;
    },
    async get(name, options = {}) {
      const flip = await flipper(name, options);
      let offset = 0;
      return tapStream(
        await inner.get(name, options),
        {
          piece(bytes) {
            flip(bytes, offset);
            offset += bytes.byteLength;
          },
        },
        options,
      );
    },
  };
}

/** Flips a bit of a stored object for good. */
export async function flipStoredBit(
  storage: Storage,
  name: string,
  { byte, bit = 0 }: Damage,
): Promise<void> {
  const bytes = await storage.read(name);
  const { offset } = resolveRange(name, bytes.byteLength, { offset: byte, length: 1 });
  bytes[offset] = bytes[offset]! ^ (1 << bit);
  await storage.put(name, bytes);
}
