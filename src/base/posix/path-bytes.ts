/** Paths and names as the system takes them: bytes that end with a NUL, in memory that is used again and again. */

const capacity = 8192;
/** What is not longer, such as nearly every name, is copied in a loop, which takes a fraction of the two calls. */
const mostByHand = 64;
const first = new Uint8Array(capacity);
const second = new Uint8Array(capacity);

/** The empty path; with `AT_EMPTY_PATH` it means the directory argument itself. */
export const emptyPath = new Uint8Array(1);

/**
 * A path with its NUL, in memory that the next call reuses.
 *
 * @throws RangeError if it contains a NUL, which would silently name something else.
 */
export function terminated(path: Uint8Array): Uint8Array {
  return terminate(path, first);
}

/** The same in other memory, for calls that take two paths. */
export function terminatedSecond(path: Uint8Array): Uint8Array {
  return terminate(path, second);
}

function nulError(): RangeError {
  return new RangeError('A path cannot contain a NUL byte');
}

function terminate(path: Uint8Array, scratch: Uint8Array): Uint8Array {
  const length = path.length;
  if (length <= mostByHand) {
    for (let index = 0; index < length; index++) {
      const byte = path[index]!;
      if (byte === 0) throw nulError();
      scratch[index] = byte;
    }
    scratch[length] = 0;
    return scratch;
  }
  if (path.includes(0)) throw nulError();
  const room = length < capacity ? scratch : new Uint8Array(length + 1);
  room.set(path);
  room[length] = 0;
  return room;
}

/** `prefix/name`; just `prefix` if the name is empty, and just `name` if the prefix is. */
export function joinPath(prefix: Uint8Array, name: Uint8Array): Buffer {
  const prefixLength = prefix.length;
  if (name.length === 0) return Buffer.from(prefix);
  if (prefixLength === 0) return Buffer.from(name);
  const separator = prefix[prefixLength - 1] === 0x2f ? 0 : 1;
  const path = Buffer.allocUnsafe(prefixLength + separator + name.length);
  path.set(prefix);
  if (separator === 1) path[prefixLength] = 0x2f;
  path.set(name, prefixLength + separator);
  return path;
}

/** The path before its last slash; empty if there is none. */
export function parentOf(path: Uint8Array): Uint8Array {
  return path.subarray(0, Math.max(0, path.lastIndexOf(0x2f)));
}

/** What follows the last slash of a path. */
export function nameOf(path: Uint8Array): Uint8Array {
  return path.subarray(path.lastIndexOf(0x2f) + 1);
}

/** The names in a path. */
export function componentsOf(path: Uint8Array): Uint8Array[] {
  const names: Uint8Array[] = [];
  for (let start = 0; start <= path.length;) {
    const slash = path.indexOf(0x2f, start);
    const end = slash === -1 ? path.length : slash;
    if (end > start) names.push(path.subarray(start, end));
    start = end + 1;
  }
  return names;
}

/** A path below `root`, as one relative to it: people may write it either way. Names that `root` does not begin with are taken as relative already. */
export function pathBelow(root: Uint8Array, path: Uint8Array): Uint8Array {
  const above = componentsOf(root);
  const names = componentsOf(path);
  const isBelow =
    path[0] === 0x2f &&
    names.length >= above.length &&
    above.every((name, index) => Buffer.compare(name, names[index]!) === 0);
  let result: Uint8Array = new Uint8Array(0);
  for (const name of isBelow ? names.slice(above.length) : names) result = joinPath(result, name);
  return result;
}
