import { compareBytes } from '../bytes.ts';
import { libc } from './libc.ts';
import { terminated, terminatedSecond } from './path-bytes.ts';
import { checked, SystemError } from './system-error.ts';

/** An extended attribute as the system gives it. */
export interface AttributePair {
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

/** A path (never followed) or an open file. */
export type AttributeHolder = Uint8Array | number;

const none: readonly AttributePair[] = [];
const enodata = 61;
const enotsup = 95;
const erange = 34;
const e2big = 7;

/** The kernel's own limit for a list of names and for a value. */
const largest = 65536;
const names = new Uint8Array(largest);
const values = new Uint8Array(largest);

/** Devices whose file system was found to have no attributes at all. */
const without = new Set<number>();

/**
 * All extended attributes in byte order of their names; none if the file system has none, which is remembered for the
 * device so that its other files cost nothing.
 *
 * @throws SystemError
 */
export function readExtendedAttributes(
  holder: AttributeHolder,
  device: number,
): readonly AttributePair[] {
  if (without.has(device)) return none;
  const system = libc();
  const length =
    typeof holder === 'number'
      ? system.flistxattr(holder, names, largest)
      : system.llistxattr(terminated(holder), names, largest);
  if (length === 0) return none;
  if (length < 0) {
    const errno = system.errno();
    if (errno !== enotsup) throw failure(errno, 'listxattr', holder);
    // Links and special files have no user attributes on file systems where others have: only ordinary files tell.
    if (typeof holder === 'number') without.add(device);
    return none;
  }
  const attributes: AttributePair[] = [];
  for (const name of splitNames(names.subarray(0, length))) {
    const value = getExtendedAttribute(holder, name);
    if (value !== undefined) attributes.push({ name, value });
  }
  return attributes.sort((left, right) => compareBytes(left.name, right.name));
}

/** The names alone, unsorted. */
export function listExtendedAttributes(holder: AttributeHolder): Uint8Array[] {
  const system = libc();
  const length =
    typeof holder === 'number'
      ? system.flistxattr(holder, names, largest)
      : system.llistxattr(terminated(holder), names, largest);
  if (length < 0) {
    const errno = system.errno();
    if (errno === enotsup) return [];
    throw failure(errno, 'listxattr', holder);
  }
  return splitNames(names.subarray(0, length));
}

/** One value, or `undefined` if it is not (any more) there. */
export function getExtendedAttribute(
  holder: AttributeHolder,
  name: Uint8Array,
): Uint8Array | undefined {
  const system = libc();
  const read = (out: Uint8Array): number =>
    typeof holder === 'number'
      ? system.fgetxattr(holder, terminatedSecond(name), out, out.length)
      : system.lgetxattr(terminated(holder), terminatedSecond(name), out, out.length);
  const length = read(values);
  if (length >= 0) return values.slice(0, length);
  const errno = system.errno();
  if (errno === enodata || errno === enotsup) return undefined;
  // Some file systems keep values larger than the interface usually allows; ask for the size and believe it.
  if (errno === erange || errno === e2big) {
    const needed = read(new Uint8Array(0));
    const large = new Uint8Array(needed > 0 ? needed : 0);
    const again = read(large);
    if (again >= 0) return large.slice(0, again);
  }
  throw failure(errno, 'getxattr', holder);
}

/** @throws SystemError */
export function setExtendedAttribute(
  holder: AttributeHolder,
  name: Uint8Array,
  value: Uint8Array,
): void {
  const system = libc();
  const key = terminatedSecond(name);
  const result =
    typeof holder === 'number'
      ? system.fsetxattr(holder, key, value, value.length, 0)
      : system.lsetxattr(terminated(holder), key, value, value.length, 0);
  if (result < 0) throw failure(system.errno(), 'setxattr', holder);
}

/** Removes one; an absent one is no error. */
export function removeExtendedAttribute(holder: AttributeHolder, name: Uint8Array): void {
  const system = libc();
  const key = terminatedSecond(name);
  const result =
    typeof holder === 'number'
      ? system.fremovexattr(holder, key)
      : system.lremovexattr(terminated(holder), key);
  if (result < 0 && system.errno() !== enodata) checked(result, 'removexattr');
}

function splitNames(list: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  let start = 0;
  for (let end = list.indexOf(0); end >= 0; end = list.indexOf(0, start)) {
    if (end > start) found.push(list.slice(start, end));
    start = end + 1;
  }
  return found;
}

function failure(errno: number, call: string, holder: AttributeHolder): SystemError {
  return new SystemError(errno, call, typeof holder === 'number' ? undefined : holder);
}
