import { ByteReader, MalformedError } from '../../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import { RecordReader } from '../../../codec/binary/record.ts';
import { compareBytes } from '../../../base/bytes.ts';
import {
  isValidName,
  type Entry,
  type EntryType,
  type ExtendedAttribute,
} from '../../../model/entry.ts';
import { decodeReference, type ContentReference } from './content-list.ts';

/** Directories as byte strings (native.md, section 7.4). */
const treeVersion = 1;
const maximumName = 65535;
/** The name under which a final keeps the root directory. */
export const rootName = Uint8Array.of(0x2e);

const typeNumbers: Readonly<Record<EntryType, number>> = {
  file: 1,
  directory: 2,
  symlink: 3,
  fifo: 4,
  socket: 5,
  'character-device': 6,
  'block-device': 7,
};
const typesByNumber = new Map(
  Object.entries(typeNumbers).map(([type, number]) => [number, type as EntryType]),
);

const tag = {
  content: 1,
  size: 2,
  tree: 3,
  linkTarget: 4,
  device: 5,
  hardLink: 6,
  user: 7,
  group: 8,
  xattr: 9,
  state: 10,
  fileFlags: 11,
} as const;
const knownTags = Object.values(tag);

/** What an entry has in a snapshot besides what it was found with. */
export type EntryOutcome = Pick<
  TreeEntry,
  'size' | 'xattrs' | 'content' | 'tree' | 'hardLink' | 'torn'
>;

/** An entry of a snapshot, and where its content is. */
export interface TreeEntry extends Entry {
  /** Of a file; undefined for an empty one. */
  readonly content: ContentReference | undefined;
  /** Of a directory. */
  readonly tree: ContentReference | undefined;
  /** Eight bytes that all names of one inode share; undefined where there is one name only. */
  readonly hardLink: Uint8Array | undefined;
  /** The file changed while it was read: what is stored is not one moment of it. */
  readonly torn: boolean;
}

/** Written to again and again: a backup encodes an entry for everything it finds. */
const scratch = new ByteWriter(4096);
const fieldScratch = new ByteWriter(4096);

/** Some file systems keep times of 64 bits, 292 billion years either way; what is beyond 142 million years is kept as that. */
const farthest = 2 ** 52 - 1;

/** The seconds of a time as they are stored. */
export function storableSeconds(seconds: number): number {
  return Math.max(-farthest, Math.min(farthest, seconds));
}

/** One entry, without the length before it. */
export function encodeEntry(entry: TreeEntry): Uint8Array {
  return encodeEntryWith(entry, entry);
}

/** The same from an entry as it was found, and what became of it. */
export function encodeEntryWith(
  entry: Entry,
  { size, xattrs, content, tree, hardLink, torn }: EntryOutcome,
): Uint8Array {
  scratch.clear();
  scratch
    .u8(typeNumbers[entry.type])
    .bytes(entry.name)
    .varint(entry.mode)
    .varint(entry.uid)
    .varint(entry.gid)
    .svarint(storableSeconds(entry.mtime.seconds))
    .varint(entry.mtime.nanoseconds);
  // A record (native.md, section 1): fields in ascending order of their tags.
  if (content !== undefined) field(tag.content, writeReference(content));
  if (entry.type === 'file' && size > 0) field(tag.size, begin().varint(size));
  if (tree !== undefined) field(tag.tree, writeReference(tree));
  if (entry.linkTarget !== undefined) field(tag.linkTarget, begin().raw(entry.linkTarget));
  if (entry.type === 'character-device' || entry.type === 'block-device') {
    field(tag.device, begin().varint(entry.deviceMajor).varint(entry.deviceMinor));
  }
  if (hardLink !== undefined) field(tag.hardLink, begin().raw(hardLink));
  if (entry.user !== undefined) field(tag.user, begin().utf8(entry.user));
  if (entry.group !== undefined) field(tag.group, begin().utf8(entry.group));
  for (const { name, value } of xattrs) field(tag.xattr, begin().bytes(name).bytes(value));
  if (torn) field(tag.state, begin().varint(1));
  if (entry.fileFlags !== 0) field(tag.fileFlags, begin().varint(entry.fileFlags));
  return scratch.copy();
}

function begin(): ByteWriter {
  fieldScratch.clear();
  return fieldScratch;
}

function writeReference({ depth, list }: ContentReference): ByteWriter {
  return begin().varint(depth).bytes(list);
}

function field(number: number, value: ByteWriter): void {
  scratch.u8(number).bytes(value.view());
}

/** A directory from its encoded entries, which must be in byte order of their names. */
export function encodeTree(entries: Iterable<Uint8Array>): ByteWriter {
  const out = new ByteWriter(4096).u8(treeVersion);
  for (const entry of entries) out.bytes(entry);
  return out;
}

/** The entries of a directory. Throws a `MalformedError`; no name that leads elsewhere comes out of here. */
export function decodeTree(bytes: Uint8Array): TreeEntry[] {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== treeVersion) throw new MalformedError('Unknown version of a tree');
  const entries: TreeEntry[] = [];
  let last: Uint8Array | undefined;
  while (reader.remaining > 0) {
    const entry = decodeEntry(reader.bytes());
    if (!isValidName(entry.name)) throw new MalformedError('Impossible name in a tree');
    if (last !== undefined && compareBytes(last, entry.name) >= 0) {
      throw new MalformedError('Names in a tree are out of order');
    }
    last = entry.name;
    entries.push(entry);
  }
  return entries;
}

/** One entry. Its name is not checked here: the root of a final has a name that no other entry may have. */
export function decodeEntry(bytes: Uint8Array): TreeEntry {
  const reader = new ByteReader(bytes);
  const type = typesByNumber.get(reader.u8());
  if (type === undefined) throw new MalformedError('Unknown type of entry');
  const name = reader.bytes();
  if (name.length > maximumName) throw new MalformedError('Name too long');
  const mode = reader.varint();
  const uid = reader.varint();
  const gid = reader.varint();
  const seconds = reader.svarint();
  const nanoseconds = reader.varint();
  if (mode > 0o7777 || uid > 0xffffffff || gid > 0xffffffff || nanoseconds > 999_999_999) {
    throw new MalformedError('Impossible metadata in a tree');
  }
  const record = new RecordReader(reader.raw(reader.remaining), knownTags);
  const reference = (which: number): ContentReference | undefined => {
    const value = record.optional(which);
    return value === undefined ? undefined : decodeReference(value);
  };
  const device = readDevice(type, record);
  const tree = reference(tag.tree);
  const linkTarget = record.optional(tag.linkTarget);
  if ((type === 'directory') !== (tree !== undefined)) throw new MalformedError('Tree misplaced');
  if ((type === 'symlink') !== (linkTarget !== undefined)) {
    throw new MalformedError('Link target misplaced');
  }
  const hardLink = record.optional(tag.hardLink);
  if (hardLink !== undefined && (hardLink.length !== 8 || type === 'directory')) {
    throw new MalformedError('Impossible hard link');
  }
  return {
    name,
    type,
    mode,
    uid,
    gid,
    user: record.optionalText(tag.user),
    group: record.optionalText(tag.group),
    mtime: { seconds, nanoseconds },
    size: type === 'file' ? (record.optionalNumber(tag.size) ?? 0) : 0,
    links: hardLink === undefined ? 1 : 2,
    linkTarget,
    deviceMajor: device.major,
    deviceMinor: device.minor,
    xattrs: record.all(tag.xattr).map(readAttribute),
    fileFlags: record.optionalNumber(tag.fileFlags) ?? 0,
    content: type === 'file' ? reference(tag.content) : undefined,
    tree,
    hardLink,
    torn: ((record.optionalNumber(tag.state) ?? 0) & 1) !== 0,
  };
}

/** The encoded reference to its tree in the encoded entry of a directory, where it stands, and nothing else decoded; empty if there is none. */
export function treeReferenceIn(bytes: Uint8Array): Uint8Array {
  const reader = new ByteReader(bytes);
  reader.u8();
  reader.skip(reader.varint());
  for (let left = numbersBeforeRecord; left > 0; left--) reader.varint();
  while (reader.remaining > 0) {
    const found = reader.u8();
    const length = reader.varint();
    const start = reader.skip(length);
    if (found === tag.tree) return bytes.subarray(start, start + length);
  }
  return bytes.subarray(0, 0);
}

/** Mode, user, group, and the two parts of the time. */
const numbersBeforeRecord = 5;

function readAttribute(bytes: Uint8Array): ExtendedAttribute {
  const fields = new ByteReader(bytes);
  const attribute = { name: fields.bytes(), value: fields.bytes() };
  fields.end();
  return attribute;
}

function readDevice(type: EntryType, record: RecordReader): { major: number; minor: number } {
  if (type !== 'character-device' && type !== 'block-device') return { major: 0, minor: 0 };
  const fields = new ByteReader(record.required(tag.device));
  const device = { major: fields.varint(), minor: fields.varint() };
  fields.end();
  return device;
}
