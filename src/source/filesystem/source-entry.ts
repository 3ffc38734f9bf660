import type { BigIntStats } from 'node:fs';

import { groupNameOf, userNameOf } from '../../base/posix/account-names.ts';
import { splitDevice, type FileStatus } from '../../base/posix/file-status.ts';
import {
  type EntryType,
  type ExtendedAttribute,
  fileFlag,
  permissionBits,
  type SourceEntry,
} from '../../model/entry.ts';

const noAttributes: readonly ExtendedAttribute[] = [];
const keptFlags = fileFlag.immutable | fileFlag.appendOnly | fileFlag.noDump;

/** An entry from what `statx` said; its attributes are read separately. */
export function entryOfStatus(
  name: Uint8Array,
  type: EntryType,
  status: FileStatus,
  linkTarget: Uint8Array | undefined,
  xattrs: readonly ExtendedAttribute[] = noAttributes,
): SourceEntry {
  const isDevice = type === 'character-device' || type === 'block-device';
  const { uid, gid } = status;
  return {
    name,
    type,
    mode: status.mode & permissionBits,
    uid,
    gid,
    user: userNameOf(uid),
    group: groupNameOf(gid),
    mtime: { seconds: status.mtimeSeconds, nanoseconds: status.mtimeNanoseconds },
    size: type === 'file' ? status.size : 0,
    links: type === 'directory' ? 1 : status.links,
    linkTarget,
    deviceMajor: isDevice ? status.deviceMajor : 0,
    deviceMinor: isDevice ? status.deviceMinor : 0,
    xattrs,
    fileFlags: status.attributes & keptFlags,
    ctime: { seconds: status.ctimeSeconds, nanoseconds: status.ctimeNanoseconds },
    inode: status.inode,
    device: status.device,
    blocks: status.blocks,
  };
}

/** An entry from what Node shows of a file, for systems without system calls. */
export function entryOfStats(
  name: Uint8Array,
  type: EntryType,
  stats: BigIntStats,
  linkTarget: Uint8Array | undefined,
): SourceEntry {
  const isDevice = type === 'character-device' || type === 'block-device';
  const { major, minor } = splitDevice(Number(stats.rdev));
  return {
    name,
    type,
    mode: Number(stats.mode) & permissionBits,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    user: userNameOf(Number(stats.uid)),
    group: groupNameOf(Number(stats.gid)),
    mtime: timestampOf(stats.mtimeNs),
    size: type === 'file' ? Number(stats.size) : 0,
    links: type === 'directory' ? 1 : Number(stats.nlink),
    linkTarget,
    deviceMajor: isDevice ? major : 0,
    deviceMinor: isDevice ? minor : 0,
    xattrs: noAttributes,
    fileFlags: 0,
    ctime: timestampOf(stats.ctimeNs),
    inode: stats.ino,
    device: Number(stats.dev),
    blocks: Number(stats.blocks),
  };
}

const billion = 1_000_000_000n;

function timestampOf(nanoseconds: bigint): { seconds: number; nanoseconds: number } {
  const rest = ((nanoseconds % billion) + billion) % billion;
  return { seconds: Number((nanoseconds - rest) / billion), nanoseconds: Number(rest) };
}
