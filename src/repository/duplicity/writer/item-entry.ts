import { AppError, hasCode } from '../../../base/errors.ts';
import { quotePath } from '../../../base/posix/system-error.ts';
import { encodeTarHeader } from '../../../codec/tar/tar-header.ts';
import type { TarEntry, TarEntryType } from '../../../codec/tar/tar-entry.ts';
import { headerTimeOf, type InodeFacts, inodeRecord, recordsOf } from '../extra-records.ts';
import type { SourceItem } from './source-item.ts';

const empty = new Uint8Array(0);
const noRecords: ReadonlyMap<string, Uint8Array> = new Map();
const zero = Buffer.from('0');

/** The tar entry of an item; `extensions`: with what duplicity has no fields for. */
export function tarEntryOf(
  { entry, linkGroup }: SourceItem,
  name: Uint8Array,
  size: number,
  extensions: boolean,
): TarEntry {
  return {
    name,
    type: entry.type === 'socket' ? 'unknown' : (entry.type satisfies TarEntryType),
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    user: entry.user,
    group: entry.group,
    mtime: headerTimeOf(entry.mtime),
    size,
    linkName: entry.linkTarget ?? empty,
    deviceMajor: entry.deviceMajor,
    deviceMinor: entry.deviceMinor,
    records: extensions ? recordsOf(entry, { link: linkGroup }) : noRecords,
  };
}

/**
 * The header of an item's entry. Throws `source/unreadable` for what no tar can hold (docs/formats/duplicity.md 5).
 */
export function itemHeader(item: SourceItem, entry: TarEntry): Uint8Array {
  try {
    return encodeTarHeader(entry);
  } catch (cause) {
    if (!hasCode(cause, 'input/invalid')) throw cause;
    const message = `Cannot store ${quotePath(item.path)}: ${cause.message}`;
    throw new AppError('source/unreadable', message, { cause });
  }
}

/** Whether it is about one file, and not about the run. */
export function isSourceError(error: unknown): error is AppError {
  return error instanceof AppError && error.code.startsWith('source/');
}

/**
 * The entry in the signature tar. A file has its length there, and everything else at least one record: from that the next run knows that nothing was left out for want of a place.
 *
 * @param fileSize of what was stored; undefined for what is no file
 * @param inode of what was stored, if its time of change tells whether something is done to it later
 */
export function signatureEntryOf(
  entry: TarEntry,
  fileSize: number | undefined,
  inode: InodeFacts | undefined,
): TarEntry {
  const records = new Map(entry.records);
  if (fileSize !== undefined) records.set('HOLDFAST.size', Buffer.from(String(fileSize)));
  else if (records.size === 0) records.set('HOLDFAST.flags', zero);
  if (inode !== undefined) records.set(...inodeRecord(inode));
  return { ...entry, records };
}

/** The entry of something that is gone: without owner, mode and time (docs/formats/duplicity.md 6.1). */
export function deletedEntry(name: Uint8Array): TarEntry {
  return {
    name,
    type: 'file',
    mode: 0,
    uid: 0,
    gid: 0,
    user: undefined,
    group: undefined,
    mtime: 0,
    size: 0,
    linkName: empty,
    deviceMajor: 0,
    deviceMinor: 0,
    records: noRecords,
  };
}
