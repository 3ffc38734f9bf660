/**
 * What duplicity's archives cannot hold, kept in pax records that the real program passes over (docs/formats/duplicity.md 5): exact times, extended
 * attributes, flags, hard links, and the lengths of files in signature tars. Nothing here is needed for a plain restore.
 *
 * - `HOLDFAST.mtime`: `seconds.nanoseconds`, the seconds rounded down (also below 0: `-2.500000000` is a second and a half before 1970), nine digits
 *   behind the point. Written where whole seconds from 1970 on do not say it.
 * - `SCHILY.xattr.<name>`: the value of an extended attribute; `HOLDFAST.xattr.<name in base64url>` where the name could not be a pax keyword.
 * - `HOLDFAST.flags`: the bits of `Entry.fileFlags`, decimal.
 * - `HOLDFAST.link`: the first path, in index order, of the names that a file has; every name has the record, the first included.
 * - `HOLDFAST.size`: the length of a file, decimal; in signature tars only.
 * - `HOLDFAST.inode`: `device inode seconds.nanoseconds user`, its time of change and who looked, by number: some attributes are for root's eyes; in signature tars only.
 *   While that is the same, the attributes are: to see that, they need not be read. Left out where the time of change does not prove it, and where they could not be read.
 */
import { asBuffer, compareBytes, equalBytes, utf8 } from '../../base/bytes.ts';
import { AppError } from '../../base/errors.ts';
import { quotePath } from '../../base/posix/system-error.ts';
import type { TarEntry, TarEntryType } from '../../codec/tar/tar-entry.ts';
import type {
  Entry,
  EntryType,
  ExtendedAttribute,
  SourceEntry,
  Timestamp,
} from '../../model/entry.ts';

/** What the records of an entry are made from. */
export type ExtraFacts = Pick<Entry, 'mtime' | 'xattrs' | 'fileFlags'>;

export interface RecordsOptions {
  /** The first path of the names of a file that has several. */
  readonly link?: Uint8Array | undefined;
  /** The length of a file, for its entry in a signature tar. */
  readonly size?: number | undefined;
}

/** An entry with its records applied. */
export interface RecordedEntry {
  /** Its size is what the tar entry has as content. */
  readonly entry: Entry;
  /** From `HOLDFAST.link`: the same for all names of one file. */
  readonly linkGroup: Uint8Array | undefined;
  /** From `HOLDFAST.size`. */
  readonly fileSize: number | undefined;
  /** Keywords of records of ours that make no sense and were passed over. */
  readonly badRecords: readonly string[];
}

const mtimeKey = 'HOLDFAST.mtime';
const flagsKey = 'HOLDFAST.flags';
const linkKey = 'HOLDFAST.link';
const sizeKey = 'HOLDFAST.size';
const inodeKey = 'HOLDFAST.inode';
const plainAttribute = 'SCHILY.xattr.';
const codedAttribute = 'HOLDFAST.xattr.';

const noAttributes: readonly ExtendedAttribute[] = [];
const none: readonly string[] = [];
const noRecords: ReadonlyMap<string, Uint8Array> = new Map();

const types: Partial<Record<TarEntryType, EntryType>> = {
  file: 'file',
  directory: 'directory',
  symlink: 'symlink',
  fifo: 'fifo',
  'character-device': 'character-device',
  'block-device': 'block-device',
};

/** The pax records of an entry, in the order in which they are written; empty for most. The same for difftar and signature tar, save for `size`. */
export function recordsOf(
  { mtime, xattrs, fileFlags }: ExtraFacts,
  { link, size }: RecordsOptions = {},
): ReadonlyMap<string, Uint8Array> {
  const needsTime = mtime.nanoseconds !== 0 || mtime.seconds < 0;
  const isPlain = !needsTime && xattrs.length === 0 && fileFlags === 0;
  if (isPlain && link === undefined && size === undefined) return noRecords;
  const records = new Map<string, Uint8Array>();
  if (needsTime) records.set(mtimeKey, utf8(timeText(mtime)));
  if (fileFlags !== 0) records.set(flagsKey, utf8(String(fileFlags)));
  if (link !== undefined) records.set(linkKey, link);
  if (size !== undefined) records.set(sizeKey, utf8(String(size)));
  for (const { name, value } of xattrs) records.set(attributeKey(name), value);
  return records;
}

/** The time for the header of an entry: whole seconds, never before 1970, which the real program cannot read (docs/formats/duplicity.md 5). */
export function headerTimeOf({ seconds }: Timestamp): number {
  return Math.max(0, seconds);
}

/**
 * The entry that a tar entry describes, with the records applied.
 *
 * @param path relative to the root, without the prefix of the archive; empty for the root
 * @throws AppError `repository/damaged` for a type that such an archive cannot have
 */
export function applyRecords(tar: TarEntry, path: Uint8Array): RecordedEntry {
  const type = types[tar.type];
  if (type === undefined) {
    const message = `The archive has ${quotePath(path)} as ${tar.type === 'hard-link' ? 'a link in tar' : 'something unknown'}`;
    throw new AppError('repository/damaged', message);
  }
  const bad: string[] = [];
  const { records } = tar;
  const hasRecords = records.size > 0;
  const read = <Value>(key: string, parse: (bytes: Uint8Array) => Value | undefined) => {
    const bytes = hasRecords ? records.get(key) : undefined;
    if (bytes === undefined) return undefined;
    const value = parse(bytes);
    if (value === undefined) bad.push(key);
    return value;
  };
  const isDevice = type === 'character-device' || type === 'block-device';
  const entry: Entry = {
    name: path.subarray(path.lastIndexOf(0x2f) + 1),
    type,
    mode: tar.mode,
    uid: tar.uid,
    gid: tar.gid,
    user: tar.user,
    group: tar.group,
    mtime: read(mtimeKey, (bytes) => parseTime(bytes, tar.mtime)) ?? {
      seconds: tar.mtime,
      nanoseconds: 0,
    },
    size: type === 'file' ? tar.size : 0,
    links: 1,
    linkTarget: type === 'symlink' ? tar.linkName : undefined,
    deviceMajor: isDevice ? tar.deviceMajor : 0,
    deviceMinor: isDevice ? tar.deviceMinor : 0,
    xattrs: hasRecords ? attributesOf(records, bad) : noAttributes,
    fileFlags: read(flagsKey, (bytes) => parseNumber(bytes, 0xffff_ffff)) ?? 0,
  };
  return {
    entry,
    linkGroup: read(linkKey, (bytes) => (bytes.length > 0 ? bytes : undefined)),
    fileSize: read(sizeKey, (bytes) => parseNumber(bytes, Number.MAX_SAFE_INTEGER)),
    badRecords: bad.length === 0 ? none : bad,
  };
}

/** What tells that nothing was done to an inode. */
export type InodeFacts = Pick<SourceEntry, 'inode' | 'device' | 'ctime'>;

/** Who looks at inodes here. */
const user = process.geteuid?.() ?? 0;

/** The record that says which inode it was, as key and value. */
export function inodeRecord({ inode, device, ctime }: InodeFacts): readonly [string, Uint8Array] {
  const { seconds, nanoseconds } = ctime;
  return [inodeKey, utf8(`${device} ${inode} ${seconds}.${nanoseconds} ${user}`)];
}

/** Whether an entry was stored of the very inode, to which nothing was done since, by who looks now. */
export function isSameInode({ records }: TarEntry, facts: InodeFacts): boolean {
  const stored = records.get(inodeKey);
  if (stored === undefined) return false;
  const { device, inode, ctime } = facts;
  const numbers = numbersOf(stored);
  if (numbers[2] !== ctime.seconds || numbers[3] !== ctime.nanoseconds) return false;
  if (numbers[4] !== user) return false;
  // Longer numbers would be rounded.
  if (!Number.isSafeInteger(numbers[1])) return equalBytes(stored, inodeRecord(facts)[1]);
  return numbers[0] === device && numbers[1] === Number(inode);
}

/** Whether a file was stored with so many bytes, as far as the entry tells. */
export function isStoredSize({ records }: TarEntry, size: number): boolean {
  const stored = records.get(sizeKey);
  if (stored === undefined) return true;
  let number = 0;
  for (const digit of stored) number = number * 10 + digit - 0x30;
  return number === size;
}

/** Whether an entry has other names. */
export function isLinked({ records }: TarEntry): boolean {
  return records.has(linkKey);
}

const parsed = [0, 0, 0, 0, 0];

/** The five numbers of a record of an inode, good until the next call: there is one for nearly every file. Any other text gives such as no inode has. */
function numbersOf(text: Uint8Array): readonly number[] {
  parsed.fill(0);
  let index = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]!;
    const digit = byte - 0x30;
    if (digit >= 0 && digit <= 9) parsed[index] = parsed[index]! * 10 + digit;
    else if ((byte === 0x20 || byte === 0x2e) && index < 4) index++;
    else return parsed.fill(Number.NaN);
  }
  return index === 4 ? parsed : parsed.fill(Number.NaN);
}

function timeText({ seconds, nanoseconds }: Timestamp): string {
  return `${seconds}.${String(nanoseconds).padStart(9, '0')}`;
}

/** Undefined also for a time that is not that of the header: somebody has changed one and not the other. */
function parseTime(bytes: Uint8Array, header: number): Timestamp | undefined {
  const match = /^(-?\d{1,16})\.(\d{9})$/u.exec(textOf(bytes));
  if (match === null) return undefined;
  const seconds = Number(match[1]);
  if (!Number.isSafeInteger(seconds) || Math.max(0, seconds) !== header) return undefined;
  return { seconds, nanoseconds: Number(match[2]) };
}

function parseNumber(bytes: Uint8Array, most: number): number | undefined {
  const text = textOf(bytes);
  const value = Number(text);
  return /^\d{1,16}$/u.test(text) && value <= most ? value : undefined;
}

function attributeKey(name: Uint8Array): string {
  const text = asBuffer(name).toString('utf8');
  const isKeyword = !text.includes('=') && Buffer.from(text, 'utf8').equals(name);
  return isKeyword
    ? `${plainAttribute}${text}`
    : `${codedAttribute}${asBuffer(name).toString('base64url')}`;
}

function attributesOf(
  records: ReadonlyMap<string, Uint8Array>,
  bad: string[],
): readonly ExtendedAttribute[] {
  let attributes: ExtendedAttribute[] | undefined;
  for (const [key, value] of records) {
    let name: Uint8Array;
    if (key.startsWith(plainAttribute)) name = utf8(key.slice(plainAttribute.length));
    else if (key.startsWith(codedAttribute)) {
      name = new Uint8Array(Buffer.from(key.slice(codedAttribute.length), 'base64url'));
    } else continue;
    if (name.length === 0 || name.includes(0)) bad.push(key);
    else (attributes ??= []).push({ name, value });
  }
  return attributes?.sort((left, right) => compareBytes(left.name, right.name)) ?? noAttributes;
}

function textOf(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('latin1');
}
