/**
 * Making entries in a directory of the target. A directory is a handle from `TargetTree.directory`; no link is ever
 * followed; names are checked. What is made is private (0600, 0700) until `target-metadata.ts` finishes it.
 *
 * All functions throw AppError `target/refused` for names that mean another place, and `target/unwritable` for what the
 * system refuses.
 */
import { closeSync, constants, fchmodSync } from 'node:fs';

import { systemCodeOf } from '../../base/errors.ts';
import {
  changeModeAt,
  makeDirectoryAt,
  makeHardLinkAt,
  makeNodeAt,
  makeSymlinkAt,
  openAt,
  readLinkAt,
} from '../../base/posix/at-calls.ts';
import { composeDevice } from '../../base/posix/device-number.ts';
import { FileStatus } from '../../base/posix/file-status.ts';
import { SystemError } from '../../base/posix/system-error.ts';
import {
  type Entry,
  type EntryType,
  entryTypeOf,
  isValidName,
  type Timestamp,
  typeBitsOf,
} from '../../model/entry.ts';
import { refusal, targetError } from './target-error.ts';

/** What already is at a place of the target. */
export interface ExistingEntry {
  /** `undefined` for a kind that Linux does not have. */
  readonly type: EntryType | undefined;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: Timestamp;
  readonly links: number;
  readonly device: number;
  readonly inode: bigint;
  /** The device that a device node is. */
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly isMountPoint: boolean;
  readonly linkTarget: Uint8Array | undefined;
}

const enoent = 2;
let shared: FileStatus | undefined;

/** What is at a name; `undefined` if nothing is. */
export function lookAt(directory: number, name: Uint8Array): ExistingEntry | undefined {
  checkName(name);
  shared ??= new FileStatus();
  const status = shared;
  const errno = status.readAt(directory, name);
  if (errno === enoent) return undefined;
  if (errno !== 0) throw targetError('look at', name, new SystemError(errno, 'statx', name));
  const type = entryTypeOf(status.mode);
  return {
    type,
    mode: status.mode & 0o7777,
    uid: status.uid,
    gid: status.gid,
    size: status.size,
    mtime: { seconds: status.mtimeSeconds, nanoseconds: status.mtimeNanoseconds },
    links: status.links,
    device: status.device,
    inode: status.inode,
    deviceMajor: status.deviceMajor,
    deviceMinor: status.deviceMinor,
    isMountPoint: status.isMountRoot,
    linkTarget:
      type === 'symlink'
        ? attempt('read the link', name, () => readLinkAt(directory, name))
        : undefined,
  };
}

/** What tells an open directory from all others. */
export function identityOf(directory: number): string {
  shared ??= new FileStatus();
  const errno = shared.readOpen(directory);
  if (errno !== 0) throw targetError('look at', Buffer.from('.'), new SystemError(errno, 'statx'));
  return `${shared.device}:${shared.inode}`;
}

/**
 * Makes a directory that only its owner may enter.
 *
 * @returns `existing` if a directory is there already; it is made usable for its owner
 */
export function makeDirectory(directory: number, name: Uint8Array): 'created' | 'existing' {
  checkName(name);
  try {
    makeDirectoryAt(directory, name, 0o700);
    return 'created';
  } catch (cause) {
    if (systemCodeOf(cause) !== 'EEXIST') throw targetError('make the directory', name, cause);
  }
  const existing = lookAt(directory, name);
  if (existing?.type !== 'directory')
    throw refusal(name, "something else has the directory's name");
  if ((existing.mode & 0o700) !== 0o700 && existing.uid === process.geteuid?.()) {
    attempt('enter the directory', name, () => {
      changeModeAt(directory, name, existing.mode | 0o700);
    });
  }
  return 'existing';
}

/** Makes a new, empty file, open for writing and reading; the caller closes it. Refuses if the name is taken. */
export function createFile(directory: number, name: Uint8Array): number {
  checkName(name);
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
  return attempt('create', name, () => openAt(directory, name, flags, 0o600));
}

/**
 * Opens an existing file to bring its content up to date in place, and makes it private meanwhile; the caller closes it.
 *
 * @param links how many names it has, all of which may change
 * @returns `undefined` if it must be replaced instead: not a regular file, known under other names as well (which must not
 * change), being executed, or not to be made private by this user
 */
export function openForUpdate(
  directory: number,
  name: Uint8Array,
  { links = 1 }: { readonly links?: number } = {},
): number | undefined {
  checkName(name);
  const existing = lookAt(directory, name);
  if (existing?.type !== 'file' || existing.links !== links) return undefined;
  let fd: number;
  try {
    // O_NONBLOCK: should a FIFO have taken the name meanwhile, nobody waits for its other end.
    fd = openAt(directory, name, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (cause) {
    const replaceable = ['ETXTBSY', 'EACCES', 'EPERM', 'ELOOP', 'ENOENT', 'ENXIO'];
    if (replaceable.includes(systemCodeOf(cause) ?? '')) return undefined;
    throw targetError('open', name, cause);
  }
  try {
    shared ??= new FileStatus();
    const errno = shared.readOpen(fd);
    if (errno === 0 && entryTypeOf(shared.mode) === 'file' && shared.links === links) {
      fchmodSync(fd, 0o600);
      return fd;
    }
  } catch (cause) {
    if (systemCodeOf(cause) !== 'EPERM') {
      closeSync(fd);
      throw targetError('change the mode of', name, cause);
    }
  }
  closeSync(fd);
  return undefined;
}

/** Makes a symbolic link that says exactly `linkTarget`, wherever that leads. */
export function createSymlink(directory: number, name: Uint8Array, linkTarget: Uint8Array): void {
  checkName(name);
  if (linkTarget.length === 0 || linkTarget.includes(0))
    throw refusal(name, 'its link target is invalid');
  attempt('create the symbolic link', name, () => {
    makeSymlinkAt(directory, name, linkTarget);
  });
}

/** Gives an entry of the target that is not a directory one more name. */
export function createHardLink(
  directory: number,
  name: Uint8Array,
  existingDirectory: number,
  existingName: Uint8Array,
): void {
  checkName(name);
  checkName(existingName);
  attempt('create the hard link', name, () => {
    makeHardLinkAt(existingDirectory, existingName, directory, name);
  });
}

/** Makes a FIFO, socket or device node. Devices need root: the error says so. */
export function createSpecial(
  directory: number,
  name: Uint8Array,
  entry: Pick<Entry, 'type' | 'deviceMajor' | 'deviceMinor'>,
): void {
  checkName(name);
  const isDevice = entry.type === 'character-device' || entry.type === 'block-device';
  if (!isDevice && entry.type !== 'fifo' && entry.type !== 'socket') {
    throw new TypeError(`Not a special file: ${entry.type}`);
  }
  const device = isDevice ? composeDevice(entry.deviceMajor, entry.deviceMinor) : 0;
  attempt(`create the ${entry.type.replace('-', ' ')}`, name, () => {
    makeNodeAt(directory, name, typeBitsOf(entry.type) | 0o600, device);
  });
}

/** @throws AppError `target/refused` */
export function checkName(name: Uint8Array): void {
  if (!isValidName(name)) throw refusal(name, 'the name would lead elsewhere');
}

function attempt<Result>(action: string, name: Uint8Array, call: () => Result): Result {
  try {
    return call();
  } catch (cause) {
    throw targetError(action, name, cause);
  }
}
