/** The number that stands for major and minor in `mknod` and `st_dev`; exact below 2^53 for all numbers Linux uses. */
export function composeDevice(major: number, minor: number): number {
  const highMajor = Math.floor(major / 0x1000);
  const highMinor = Math.floor(minor / 0x100);
  return (
    highMajor * 0x1000 * 0x1_0000_0000 +
    highMinor * 0x10_0000 +
    (major % 0x1000) * 0x100 +
    (minor % 0x100)
  );
}

/** The inverse of `composeDevice`. */
export function splitDevice(device: number): { major: number; minor: number } {
  const major =
    Math.floor(device / 0x1000_0000_0000) * 0x1000 + (Math.floor(device / 0x100) % 0x1000);
  const minor = (Math.floor(device / 0x10_0000) % 0x100_0000) * 0x100 + (device % 0x100);
  return { major, minor };
}
