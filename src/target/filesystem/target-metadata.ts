import { closeSync, constants, fchmodSync, fchownSync } from 'node:fs';

import { equalBytes } from '../../base/bytes.ts';
import { systemCodeOf } from '../../base/errors.ts';
import { groupIdOf, userIdOf } from '../../base/posix/account-names.ts';
import { changeModeAt, changeOwnerAt, openAt } from '../../base/posix/at-calls.ts';
import {
  type AttributeHolder,
  getExtendedAttribute,
  listExtendedAttributes,
  removeExtendedAttribute,
  setExtendedAttribute,
} from '../../base/posix/extended-attributes.ts';
import { changeFileFlags } from '../../base/posix/file-flags.ts';
import { FileStatus } from '../../base/posix/file-status.ts';
import { setTimes, setTimesAt } from '../../base/posix/file-times.ts';
import { joinPath } from '../../base/posix/path-bytes.ts';
import { SystemError } from '../../base/posix/system-error.ts';
import {
  type Entry,
  entryTypeOf,
  type ExtendedAttribute,
  fileFlag,
  type Timestamp,
} from '../../model/entry.ts';
import { checkName } from './target-entry.ts';
import { refusal, type TargetAspect, targetError, type TargetProblem } from './target-error.ts';

/** How owners are restored. */
export interface MetadataOptions {
  /** By number, as they were; or by the names in the snapshot where this host has them, else by number. */
  readonly owners?: 'numbers' | 'names';
  /** Whether the process may give files away. Default: whether it is root. */
  readonly isPrivileged?: boolean;
}

/** What the system makes a new file like. */
export interface NewFile {
  readonly uid: number;
  readonly gid: number;
  /** It has no extended attributes that would have to go: there is no default ACL, for one. */
  readonly isBare: boolean;
}

const setUserId = 0o4000;
const setGroupId = 0o2000;
const allFlags = fileFlag.immutable | fileFlag.appendOnly | fileFlag.noDump;
const aclPrefix = Buffer.from('system.posix_acl_');
const labels = [Buffer.from('security.'), Buffer.from('system.'), Buffer.from('trusted.')];
const capability = Buffer.from('security.capability');

/**
 * Gives restored entries their owner, mode, attributes, times and flags, in the order in which one does not undo the
 * other. What fails is collected with its path; the rest is still done.
 *
 * Without root's rights owners cannot be restored: that is counted, not a problem of each file, and the set-user-ID and
 * set-group-ID bits, which would mean somebody else, are then left out.
 */
export class MetadataWriter {
  /** What could not be restored so far. */
  readonly problems: TargetProblem[] = [];
  /** Entries that belong to who restores instead of their owner. */
  ownersNotRestored = 0;
  readonly #byName: boolean;
  readonly #isPrivileged: boolean;
  readonly #status = new FileStatus();
  readonly #user = process.geteuid?.() ?? -1;

  constructor({ owners = 'numbers', isPrivileged }: MetadataOptions = {}) {
    this.#byName = owners === 'names';
    this.#isPrivileged = isPrivileged ?? this.#user === 0;
  }

  /**
   * Finishes an open file or directory; a directory only after everything in it. Writing to it or making entries in it
   * afterwards would change its times.
   *
   * @param path below the target's root, for problems
   */
  applyToOpen(fd: number, entry: Entry, path: Uint8Array): void {
    const mode = this.#applyOwner(entry, path, (uid, gid) => {
      fchownSync(fd, uid, gid);
    });
    this.#applyRest(fd, entry, path, mode);
  }

  /**
   * The same for a file that was made a moment ago, and `made`: what files are like that are made in that directory. If it belongs to its owner it is not given
   * to him again, which takes longer than to look, at the end, whether it is so.
   */
  applyToNew(fd: number, entry: Entry, path: Uint8Array, made: NewFile | undefined): void {
    const owner = this.#ownerOf(entry);
    const isOwn = made?.uid === owner.uid && made.gid === owner.gid;
    // Once it has its flags nothing can be changed any more; and it must not run with the rights of somebody else, not even for a moment.
    const isSpecial = entry.fileFlags !== 0 || (entry.mode & (setUserId | setGroupId)) !== 0;
    if (!isOwn || isSpecial) {
      this.applyToOpen(fd, entry, path);
      return;
    }
    const isLookedAt = this.#applyRest(fd, entry, path, entry.mode, made.isBare);
    const { uid, gid } = this.#status;
    if (!isLookedAt || uid !== owner.uid || gid !== owner.gid) this.applyToOpen(fd, entry, path);
  }

  /** What an open file is like that was just made, as others beside it will be; undefined if that cannot be found out. */
  lookAtNew(fd: number): NewFile | undefined {
    if (this.#status.readOpen(fd) !== 0) return undefined;
    const { uid, gid } = this.#status;
    try {
      return { uid, gid, isBare: listExtendedAttributes(fd).every(isKept) };
    } catch {
      // Whoever sets the attributes of a file will meet it again, and tell.
      return { uid, gid, isBare: false };
    }
  }

  /** All but the owner. Gives whether `#status` shows the file as it is at the end. */
  #applyRest(fd: number, entry: Entry, path: Uint8Array, mode: number, isBare = false): boolean {
    let isLookedAt = false;
    // Attributes of one's own file can only be set while it is writable, but an ACL only survives after the mode.
    if (!isBare) this.#removeOtherAttributes(fd, entry, path);
    this.#setAttributes(fd, entry, path, false);
    this.#attempt('mode', path, () => {
      fchmodSync(fd, mode);
    });
    this.#setAttributes(fd, entry, path, true);
    this.#attempt('times', path, () => {
      setTimes(fd, entry.mtime);
      const errno = this.#status.readOpen(fd);
      isLookedAt = errno === 0;
      this.#checkTimes(errno, entry);
    });
    if (entry.fileFlags !== 0) {
      this.#attempt('file-flags', path, () => {
        changeFileFlags(fd, entry.fileFlags, allFlags);
      });
    }
    return isLookedAt;
  }

  /** Finishes a directory by name, which is opened for it. */
  applyToDirectory(directory: number, name: Uint8Array, entry: Entry, path: Uint8Array): void {
    checkName(name);
    this.#attempt('mode', path, () => {
      const fd = openAt(directory, name, constants.O_RDONLY | constants.O_DIRECTORY);
      this.#applyAndClose(fd, entry, path);
    });
  }

  /**
   * Finishes a regular file by name whose content is right already; one that has become something else, or has other
   * names as well, is left alone and reported.
   */
  applyToFile(directory: number, name: Uint8Array, entry: Entry, path: Uint8Array): void {
    checkName(name);
    const flags = constants.O_RDONLY | constants.O_NONBLOCK;
    this.#attempt('mode', path, () => {
      let fd: number;
      try {
        fd = openAt(directory, name, flags);
      } catch (cause) {
        if (systemCodeOf(cause) !== 'EACCES') throw cause;
        changeModeAt(directory, name, 0o600);
        fd = openAt(directory, name, flags);
      }
      const errno = this.#status.readOpen(fd);
      if (errno === 0 && entryTypeOf(this.#status.mode) === 'file' && this.#status.links === 1) {
        this.#applyAndClose(fd, entry, path);
        return;
      }
      closeSync(fd);
      throw refusal(path, 'it is not the file any more that it was');
    });
  }

  #applyAndClose(fd: number, entry: Entry, path: Uint8Array): void {
    try {
      this.applyToOpen(fd, entry, path);
    } finally {
      closeSync(fd);
    }
  }

  /** Finishes a symbolic link (itself), FIFO, socket or device node. */
  applyToSpecial(directory: number, name: Uint8Array, entry: Entry, path: Uint8Array): void {
    checkName(name);
    const holder = joinPath(Buffer.from(`/proc/self/fd/${directory}`), name);
    const mode = this.#applyOwner(entry, path, (uid, gid) => {
      changeOwnerAt(directory, name, uid, gid);
    });
    this.#removeOtherAttributes(holder, entry, path);
    this.#setAttributes(holder, entry, path, false);
    if (entry.type !== 'symlink') {
      this.#attempt('mode', path, () => {
        changeModeAt(directory, name, mode);
      });
    }
    this.#setAttributes(holder, entry, path, true);
    this.#attempt('times', path, () => {
      setTimesAt(directory, name, entry.mtime);
      this.#checkTimes(this.#status.readAt(directory, name), entry);
    });
  }

  /** A file system takes any time without complaint and keeps the nearest one that it knows. */
  #checkTimes(errno: number, { mtime }: Entry): void {
    if (errno !== 0) throw new SystemError(errno, 'statx');
    const { mtimeSeconds, mtimeNanoseconds } = this.#status;
    if (mtimeSeconds === mtime.seconds && mtimeNanoseconds === mtime.nanoseconds) return;
    throw new Error(
      `the file system cannot hold ${inNanoseconds(mtime)}, it kept ` +
        inNanoseconds({ seconds: mtimeSeconds, nanoseconds: mtimeNanoseconds }),
    );
  }

  /** Whom an entry is to belong to, by number. */
  #ownerOf(entry: Entry): { readonly uid: number; readonly gid: number } {
    if (!this.#byName) return entry;
    return {
      uid: ownId(entry.user, userIdOf) ?? entry.uid,
      gid: ownId(entry.group, groupIdOf) ?? entry.gid,
    };
  }

  /** Sets the owner as far as allowed; returns the mode that goes with it. */
  #applyOwner(entry: Entry, path: Uint8Array, change: (uid: number, gid: number) => void): number {
    const { uid, gid } = this.#ownerOf(entry);
    let isUserRight = true;
    let isGroupRight = true;
    try {
      change(this.#isPrivileged || uid === this.#user ? uid : -1, gid);
      isUserRight = this.#isPrivileged || uid === this.#user;
    } catch (cause) {
      if (this.#isPrivileged || systemCodeOf(cause) !== 'EPERM') this.#note('owner', path, cause);
      isUserRight = !this.#isPrivileged && uid === this.#user;
      isGroupRight = false;
    }
    if (isUserRight && isGroupRight) return entry.mode;
    if (!this.#isPrivileged) this.ownersNotRestored++;
    if (entry.type === 'directory') return entry.mode;
    const dropped = (isUserRight ? 0 : setUserId) | (isGroupRight ? 0 : setGroupId);
    return entry.mode & ~dropped;
  }

  /** What a new entry inherits (a default ACL) or an old one had, and the snapshot does not know. */
  #removeOtherAttributes(holder: AttributeHolder, entry: Entry, path: Uint8Array): void {
    let present: Uint8Array[] = [];
    this.#attempt('extended-attribute', path, () => {
      present = listExtendedAttributes(holder);
    });
    for (const name of present) {
      if (isKept(name) || entry.xattrs.some((wanted) => equalBytes(wanted.name, name))) continue;
      this.#attempt('extended-attribute', path, () => {
        removeExtendedAttribute(holder, name);
      });
    }
  }

  #setAttributes(holder: AttributeHolder, entry: Entry, path: Uint8Array, acls: boolean): void {
    for (const attribute of entry.xattrs) {
      if (startsWith(attribute.name, aclPrefix) !== acls) continue;
      this.#attempt(
        'extended-attribute',
        path,
        () => {
          setAttribute(holder, attribute);
        },
        attribute.name,
      );
    }
  }

  #attempt(what: TargetAspect, path: Uint8Array, call: () => void, detail?: Uint8Array): void {
    try {
      call();
    } catch (cause) {
      this.#note(what, path, cause, detail);
    }
  }

  #note(what: TargetAspect, path: Uint8Array, cause: unknown, detail?: Uint8Array): void {
    const name = detail === undefined ? '' : ` "${Buffer.from(detail).toString()}"`;
    const action = `set the ${labelsOfAspects[what]}${name} of`;
    this.problems.push({ path, what, error: targetError(action, path, cause) });
  }
}

const labelsOfAspects: Readonly<Record<TargetAspect, string>> = {
  entry: 'entry',
  content: 'content',
  owner: 'owner',
  mode: 'mode',
  times: 'times',
  'extended-attribute': 'extended attribute',
  'file-flags': 'file flags',
};

function inNanoseconds({ seconds, nanoseconds }: Timestamp): string {
  return `${BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds)} ns`;
}

function ownId(
  name: string | undefined,
  look: (name: string) => number | undefined,
): number | undefined {
  return name === undefined ? undefined : look(name);
}

/** Labels and the like that the system itself gives to new files stay when the snapshot has none. */
function isKept(name: Uint8Array): boolean {
  if (startsWith(name, aclPrefix) || equalBytes(name, capability)) return false;
  return labels.some((prefix) => startsWith(name, prefix));
}

function setAttribute(holder: AttributeHolder, { name, value }: ExtendedAttribute): void {
  try {
    setExtendedAttribute(holder, name, value);
  } catch (error) {
    // A label may not be set, but already be the right one.
    const present = getExtendedAttribute(holder, name);
    if (present === undefined || !equalBytes(present, value)) throw error;
  }
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return bytes.length >= prefix.length && equalBytes(bytes.subarray(0, prefix.length), prefix);
}
