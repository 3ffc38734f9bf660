import { equalBytes } from '../../../base/bytes.ts';
import { groupIdOf, userIdOf } from '../../../base/posix/account-names.ts';
import type { TarEntry } from '../../../codec/tar/tar-entry.ts';
import { equalTimestamps } from '../../../model/entry.ts';
import { applyRecords, isLinked, isSameInode, isStoredSize } from '../extra-records.ts';
import type { SourceItem } from './source-item.ts';

/** How an item is compared with what the archive has. */
export interface ComparisonSettings {
  /** Owners by number only. */
  readonly numericOwner: boolean;
  /** Look also at what duplicity does not: see `hasChanged`. */
  readonly extensions: boolean;
  /** When the newest set was begun, seconds since 1970. */
  readonly since: number | undefined;
}

/** Whether the path became something of another kind. */
export function changesType({ entry }: SourceItem, stored: TarEntry): boolean {
  return entry.type !== stored.type;
}

/**
 * Whether an item is no longer what the archive has, which is of the same kind (docs/formats/duplicity.md 9): by mode, owner and whole seconds, the target of a link, the numbers of a
 * device. If the archive's entry has records of ours, also by exact time, extended attributes, flags, other names of the file, and its size.
 */
export function hasChanged(
  item: SourceItem,
  stored: TarEntry,
  { numericOwner, extensions }: ComparisonSettings,
): boolean {
  const { entry } = item;
  const isOwn = extensions && hasOwnRecords(stored);
  if (isOwn && recordsDiffer(item, stored)) return true;
  if (entry.type === 'symlink') {
    if (!equalBytes(entry.linkTarget ?? new Uint8Array(0), stored.linkName)) return true;
    return isOwn && !sameOwner(item, stored, numericOwner);
  }
  if (entry.mode !== stored.mode || !sameOwner(item, stored, numericOwner)) return true;
  if (entry.type === 'character-device' || entry.type === 'block-device') {
    return entry.deviceMajor !== stored.deviceMajor || entry.deviceMinor !== stored.deviceMinor;
  }
  return Math.max(0, entry.mtime.seconds) !== Math.max(0, stored.mtime);
}

/**
 * Whether a file may have changed after it was stored, within the second that its time says: others keep whole seconds only, and the newest set was begun in that one or before.
 */
export function mayHaveChangedSince({ entry }: SourceItem, { since }: ComparisonSettings): boolean {
  return since !== undefined && entry.mtime.seconds >= since;
}

/** Whether the archive's entry was written with all that Holdfast knows of it. */
export function hasOwnRecords({ records }: TarEntry): boolean {
  if (records.size === 0) return false;
  for (const key of records.keys()) {
    if (key.startsWith('HOLDFAST.') || key.startsWith('SCHILY.xattr.')) return true;
  }
  return false;
}

/** The sizes that a file can have with a signature of so many bytes; its first twelve are given. */
export function sizesOfSignature(
  head: Uint8Array,
  length: number,
): { readonly least: number; readonly most: number } {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const blockLength = view.getUint32(4);
  const blocks = Math.floor((length - 12) / (4 + view.getUint32(8)));
  return { least: blocks === 0 ? 0 : (blocks - 1) * blockLength + 1, most: blocks * blockLength };
}

/**
 * To an inode that is the very same nothing was done, save that its other names may lie elsewhere; its size is looked at all the same, because file systems in user space may make up times
 * of change. Else all but the attributes is compared first, which have to be read.
 */
function recordsDiffer(item: SourceItem, stored: TarEntry): boolean {
  const { path, entry, linkGroup } = item;
  if (entry.type === 'file' && !isStoredSize(stored, entry.size)) return true;
  const isSame = item.inode !== undefined && isSameInode(stored, item.inode);
  if (isSame && linkGroup === undefined && !isLinked(stored)) return false;
  const recorded = applyRecords(stored, path);
  const before = recorded.entry;
  if (!equalTimestamps(entry.mtime, before.mtime)) return true;
  if (entry.fileFlags !== before.fileFlags) return true;
  if (!equalBytes(linkGroup ?? new Uint8Array(0), recorded.linkGroup ?? new Uint8Array(0))) {
    return true;
  }
  if (isSame) return false;
  const { xattrs } = wholeItem(item).entry;
  return (
    xattrs.length !== before.xattrs.length ||
    xattrs.some(({ name, value }, index) => {
      const other = before.xattrs[index];
      return (
        other === undefined || !equalBytes(name, other.name) || !equalBytes(value, other.value)
      );
    })
  );
}

/** An item with its extended attributes. */
export function wholeItem(item: SourceItem): SourceItem {
  return item.withAttributes?.() ?? item;
}

function sameOwner({ entry }: SourceItem, stored: TarEntry, numericOwner: boolean): boolean {
  const uid = (numericOwner ? undefined : idOf(stored.user, userIdOf)) ?? stored.uid;
  const gid = (numericOwner ? undefined : idOf(stored.group, groupIdOf)) ?? stored.gid;
  return entry.uid === uid && entry.gid === gid;
}

function idOf(
  name: string | undefined,
  lookUp: (name: string) => number | undefined,
): number | undefined {
  return name === undefined || name === '' ? undefined : lookUp(name);
}
