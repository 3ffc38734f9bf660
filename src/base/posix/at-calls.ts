/** Making, naming and removing entries relative to an open directory. None of them follows a link in the last component. */
import { constants } from 'node:fs';

import { AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW, O_CLOEXEC } from './linux-constants.ts';
import { libc } from './libc.ts';
import { terminated, terminatedSecond } from './path-bytes.ts';
import { checked } from './system-error.ts';

/** Opens a name, never through a link. @throws SystemError */
export function openAt(directory: number, name: Uint8Array, flags: number, mode = 0o600): number {
  const all = flags | constants.O_NOFOLLOW | O_CLOEXEC;
  return checked(libc().openat(directory, terminated(name), all, mode), 'open', name);
}

/** @throws SystemError */
export function makeDirectoryAt(directory: number, name: Uint8Array, mode: number): void {
  checked(libc().mkdirat(directory, terminated(name), mode), 'mkdir', name);
}

/** `mode` with type bits; `device` as `composeDevice` makes it. @throws SystemError */
export function makeNodeAt(
  directory: number,
  name: Uint8Array,
  mode: number,
  device: number,
): void {
  checked(libc().mknodat(directory, terminated(name), mode, device), 'mknod', name);
}

/** @throws SystemError */
export function makeSymlinkAt(directory: number, name: Uint8Array, target: Uint8Array): void {
  checked(libc().symlinkat(terminatedSecond(target), directory, terminated(name)), 'symlink', name);
}

/** Gives an existing inode (a link itself, if it is one) one more name. @throws SystemError */
export function makeHardLinkAt(
  existingDirectory: number,
  existingName: Uint8Array,
  directory: number,
  name: Uint8Array,
): void {
  const from = terminatedSecond(existingName);
  checked(libc().linkat(existingDirectory, from, directory, terminated(name), 0), 'link', name);
}

/** Gives an entry another name in the same directory, in place of what has it, at once. @throws SystemError */
export function renameAt(directory: number, name: Uint8Array, newName: Uint8Array): void {
  const from = terminatedSecond(name);
  checked(libc().renameat(directory, from, directory, terminated(newName)), 'rename', newName);
}

/** Removes a name that is not a directory. @throws SystemError */
export function unlinkAt(directory: number, name: Uint8Array): void {
  checked(libc().unlinkat(directory, terminated(name), 0), 'unlink', name);
}

/** Removes an empty directory. @throws SystemError */
export function removeDirectoryAt(directory: number, name: Uint8Array): void {
  checked(libc().unlinkat(directory, terminated(name), AT_REMOVEDIR), 'rmdir', name);
}

const target = new Uint8Array(1 << 16);

/** What a symlink says, byte for byte. @throws SystemError */
export function readLinkAt(directory: number, name: Uint8Array): Uint8Array {
  const length = libc().readlinkat(directory, terminated(name), target, target.length);
  return target.slice(0, checked(length, 'readlink', name));
}

/** @throws SystemError */
export function changeOwnerAt(directory: number, name: Uint8Array, uid: number, gid: number): void {
  const result = libc().fchownat(directory, terminated(name), uid, gid, AT_SYMLINK_NOFOLLOW);
  checked(result, 'chown', name);
}

/** Permission bits of anything but a symlink, which has none. @throws SystemError */
export function changeModeAt(directory: number, name: Uint8Array, mode: number): void {
  const result = libc().fchmodat(directory, terminated(name), mode, AT_SYMLINK_NOFOLLOW);
  checked(result, 'chmod', name);
}
