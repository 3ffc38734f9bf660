import type { BigIntStats } from 'node:fs';

import { groupNameOf, userNameOf } from '../../base/posix/account-names.ts';
import { splitDevice } from '../../base/posix/device-number.ts';
import type { FileStatus } from '../../base/posix/file-status.ts';
import type { InodeStatus } from '../../base/posix/inode-status.ts';
import {
  type EntryType,
  type ExtendedAttribute,
  fileFlag,
  permissionBits,
  type SourceEntry,
  type Timestamp,
} from '../../model/entry.ts';

const noAttributes: readonly ExtendedAttribute[] = [];
const keptFlags = fileFlag.immutable | fileFlag.appendOnly | fileFlag.noDump;

/**
 * An entry as `statx` showed it. There may be a hundred thousand at once, most of which turn out unchanged: only what the system said is kept, and made into what
 * is asked for.
 */
class FoundEntry implements SourceEntry {
  readonly type: EntryType;
  readonly linkTarget: Uint8Array | undefined;
  readonly #status: InodeStatus;
  /** Where its name is, which takes a fraction of what a view of it takes. */
  readonly #names: ArrayBufferLike;
  readonly #nameStart: number;
  readonly #nameLength: number;

  constructor(
    name: Uint8Array,
    type: EntryType,
    status: InodeStatus,
    linkTarget: Uint8Array | undefined,
  ) {
    this.type = type;
    this.#status = status;
    this.linkTarget = linkTarget;
    this.#names = name.buffer;
    this.#nameStart = name.byteOffset;
    this.#nameLength = name.length;
  }

  get name(): Uint8Array {
    return new Uint8Array(this.#names, this.#nameStart, this.#nameLength);
  }

  get mode(): number {
    return this.#status.mode & permissionBits;
  }
  get uid(): number {
    return this.#status.uid;
  }
  get gid(): number {
    return this.#status.gid;
  }
  get user(): string | undefined {
    return userNameOf(this.#status.uid);
  }
  get group(): string | undefined {
    return groupNameOf(this.#status.gid);
  }
  get mtime(): Timestamp {
    const { mtimeSeconds, mtimeNanoseconds } = this.#status;
    return { seconds: mtimeSeconds, nanoseconds: mtimeNanoseconds };
  }
  get size(): number {
    return this.type === 'file' ? this.#status.size : 0;
  }
  get links(): number {
    return this.type === 'directory' ? 1 : this.#status.links;
  }
  get deviceMajor(): number {
    return this.#isDevice ? this.#status.deviceMajor : 0;
  }
  get deviceMinor(): number {
    return this.#isDevice ? this.#status.deviceMinor : 0;
  }
  /** They are read separately. */
  get xattrs(): readonly ExtendedAttribute[] {
    return noAttributes;
  }
  get fileFlags(): number {
    return this.#status.attributes & keptFlags;
  }
  get ctime(): Timestamp {
    const { ctimeSeconds, ctimeNanoseconds } = this.#status;
    return { seconds: ctimeSeconds, nanoseconds: ctimeNanoseconds };
  }
  get inode(): bigint {
    return this.#status.inode;
  }
  get device(): number {
    return this.#status.device;
  }
  get blocks(): number {
    return this.#status.blocks;
  }

  get #isDevice(): boolean {
    return this.type === 'character-device' || this.type === 'block-device';
  }
}

/** An entry from what `statx` said; its attributes are read separately. */
export function entryOfStatus(
  name: Uint8Array,
  type: EntryType,
  status: FileStatus,
  linkTarget: Uint8Array | undefined,
): SourceEntry {
  return new FoundEntry(name, type, status.keep(), linkTarget);
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
