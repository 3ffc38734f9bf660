const devices = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?$/iu;

/** Whether OneDrive refuses a part of the path, or all of it for its length. */
export function hasForbiddenName(path: string): boolean {
  return (
    path.length > 400 ||
    path
      .split('/')
      .slice(1)
      .some(
        (part) =>
          part === '' ||
          part.length > 255 ||
          /["*:<>?\\|\p{Cc}]|^[ ~]|[. ]$|_vti_/u.test(part) ||
          devices.test(part) ||
          /^(?:desktop\.ini|\.lock)$/iu.test(part),
      )
  );
}

/** Names that differ by case only are the same. */
export function keyOf(path: string): string {
  return path.toUpperCase().toLowerCase();
}

/** QuickXorHash as its description says it: byte by byte into a ring of 160 bits. */
export function naiveQuickXorHash(bytes: Uint8Array): string {
  const ring = new Uint8Array(20);
  const combine = (place: number, value: number): void => {
    ring[place % 20] = (ring[place % 20] ?? 0) ^ (value & 255);
  };
  let bit = 0;
  for (const byte of bytes) {
    const wide = byte << (bit % 8);
    combine(bit >>> 3, wide);
    combine((bit >>> 3) + 1, wide >>> 8);
    bit = (bit + 11) % 160;
  }
  let rest = BigInt(bytes.byteLength);
  for (let place = 12; place < 20; place++) {
    combine(place, Number(rest % 256n));
    rest /= 256n;
  }
  return Buffer.from(ring).toString('base64');
}
