/** One entry of a backed-up tree with all its metadata: plain data, names as bytes. */
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from '../base/posix/linux-constants.ts';

/** The kinds of entries a file system has. */
export type EntryType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'fifo'
  | 'socket'
  | 'character-device'
  | 'block-device';

/** A point in time as file systems keep it; exact, before 1970 and far beyond 2038 as well. */
export interface Timestamp {
  /** Whole seconds since 1970, rounded down; negative before. A safe integer. */
  readonly seconds: number;
  /** 0 … 999,999,999, always counted forwards from `seconds`. */
  readonly nanoseconds: number;
}

/** An extended attribute; POSIX ACLs, file capabilities and SELinux labels are such attributes too. */
export interface ExtendedAttribute {
  /** With its name space: `user.comment`, `system.posix_acl_access`. */
  readonly name: Uint8Array;
  /** Opaque; may be empty. */
  readonly value: Uint8Array;
}

/** What a snapshot keeps of an entry, apart from its content. */
export interface Entry {
  /** The last component of its path; never empty, without `/` and NUL, save for the root of a tree: empty. */
  readonly name: Uint8Array;
  readonly type: EntryType;
  /** The twelve permission bits: 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** The names of owner and group on the host that made the snapshot, where it knew them. */
  readonly user: string | undefined;
  readonly group: string | undefined;
  readonly mtime: Timestamp;
  /** Length of a file's content in bytes; 0 for everything else. */
  readonly size: number;
  /** How many names the same inode has; always 1 for directories. */
  readonly links: number;
  /** Where a symlink points, byte for byte; undefined for everything else. */
  readonly linkTarget: Uint8Array | undefined;
  /** The numbers of a device node; 0 for everything else. */
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** In byte order of their names. */
  readonly xattrs: readonly ExtendedAttribute[];
  /** Bits of `fileFlag`; 0 where the file system has none. */
  readonly fileFlags: number;
}

/**
 * An entry as it was found on a running system: what change detection and hard links need besides. Its fields may be getters, which a spread leaves out:
 * `changedEntry` makes one that differs.
 */
export interface SourceEntry extends Entry {
  readonly ctime: Timestamp;
  /** All 64 bits count: some file systems use them all. */
  readonly inode: bigint;
  readonly device: number;
  /** Allocated units of 512 bytes. */
  readonly blocks: number;
}

/** The same entry with other fields, as plain data. */
export function changedEntry(entry: SourceEntry, changes: Partial<SourceEntry>): SourceEntry {
  return {
    name: entry.name,
    type: entry.type,
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    user: entry.user,
    group: entry.group,
    mtime: entry.mtime,
    size: entry.size,
    links: entry.links,
    linkTarget: entry.linkTarget,
    deviceMajor: entry.deviceMajor,
    deviceMinor: entry.deviceMinor,
    xattrs: entry.xattrs,
    fileFlags: entry.fileFlags,
    ctime: entry.ctime,
    inode: entry.inode,
    device: entry.device,
    blocks: entry.blocks,
    ...changes,
  };
}

/** Flags of an inode that `chattr` shows, with the numbers Linux gives them. */
export const fileFlag = { immutable: 0x10, appendOnly: 0x20, noDump: 0x40 } as const;

const typeBits: Readonly<Record<EntryType, number>> = {
  file: S_IFREG,
  directory: S_IFDIR,
  symlink: S_IFLNK,
  fifo: S_IFIFO,
  socket: S_IFSOCK,
  'character-device': S_IFCHR,
  'block-device': S_IFBLK,
};

const typeByBits: readonly (EntryType | undefined)[] = Array.from({ length: 16 }, (_, bits) =>
  (Object.keys(typeBits) as EntryType[]).find((type) => typeBits[type] >>> 12 === bits),
);

/** The kind of an inode from the type bits of its mode; `undefined` for kinds that Linux does not have. */
export function entryTypeOf(mode: number): EntryType | undefined {
  return typeByBits[(mode & S_IFMT) >>> 12];
}

/** The type bits of a mode, as `mknod` takes them. */
export function typeBitsOf(type: EntryType): number {
  return typeBits[type];
}

/** The permission bits of an entry. */
export const permissionBits = 0o7777;

export function equalTimestamps(left: Timestamp, right: Timestamp): boolean {
  return left.seconds === right.seconds && left.nanoseconds === right.nanoseconds;
}

/** Negative when `left` is earlier. */
export function compareTimestamps(left: Timestamp, right: Timestamp): number {
  return left.seconds - right.seconds || left.nanoseconds - right.nanoseconds;
}

/**
 * Whether a name may be made below a directory without meaning another place: not empty, not `.` or `..`, no `/`, no
 * NUL. Everything that comes out of a repository passes through here before it reaches a file system.
 */
export function isValidName(name: Uint8Array): boolean {
  const length = name.length;
  if (length === 0) return false;
  if (name[0] === 0x2e && (length === 1 || (length === 2 && name[1] === 0x2e))) return false;
  return !name.includes(0) && !name.includes(0x2f);
}
