const slash = 0x2f;

/**
 * Orders two paths as a set's entries are ordered (docs/formats/duplicity.md 6.2): component by component, each as bytes, so that a
 * directory is followed by all that is in it. Paths are relative, their components joined by "/"; the root is empty.
 *
 * @returns below 0, 0, or above 0
 */
export function compareIndex(left: Uint8Array, right: Uint8Array): number {
  const shared = Math.min(left.length, right.length);
  for (let at = 0; at < shared; at++) {
    const a = left[at] as number;
    const b = right[at] as number;
    if (a === b) continue;
    // The end of a component comes before every byte that may be in one.
    if (a === slash) return -1;
    if (b === slash) return 1;
    return a - b;
  }
  return left.length - right.length;
}

/** Whether a path is `ancestor` itself or lies below it. Everything lies below the root. */
export function isAtOrBelow(path: Uint8Array, ancestor: Uint8Array): boolean {
  if (ancestor.length === 0) return true;
  if (path.length < ancestor.length) return false;
  if (path.length > ancestor.length && path[ancestor.length] !== slash) return false;
  for (let at = 0; at < ancestor.length; at++) if (path[at] !== ancestor[at]) return false;
  return true;
}

/** A path cut to as many components as `other` has. */
export function cutToDepthOf(path: Uint8Array, other: Uint8Array): Uint8Array {
  if (other.length === 0) return path.subarray(0, 0);
  let components = 1;
  for (const byte of other) if (byte === slash) components++;
  for (let at = 0; at < path.length; at++) {
    if (path[at] === slash && --components === 0) return path.subarray(0, at);
  }
  return path;
}
