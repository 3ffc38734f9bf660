import { AppError } from '../../base/errors.ts';
import { utf8 } from '../../base/bytes.ts';
import { asciiWithQuestionMarks } from './ascii-name.ts';
import { encodePaxRecords } from './pax-records.ts';
import { MAX_PAX_LENGTH, TAR_BLOCK } from './tar-entry.ts';
import type { TarEntry, TarEntryType } from './tar-entry.ts';

const NAME_LENGTH = 100;
const OWNER_LENGTH = 32;
const MAX_OWNER_ID = 0o7777777;
const MAX_LONG_NUMBER = 0o77777777777;

const SLASH = 0x2f;
const EMPTY = new Uint8Array(0);
const ZEROS = new Uint8Array(TAR_BLOCK);
const MAGIC = utf8('ustar\u000000');
const PAX_NAME = utf8('././@PaxHeader');

const typeFlags: Readonly<Record<Exclude<TarEntryType, 'unknown'>, string>> = {
  file: '0',
  'hard-link': '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
};

/** Keys that Python gives a meaning: they would change what the fields say. */
const RESERVED_KEY =
  /^(?:path|linkpath|uname|gname|uid|gid|size|mtime|hdrcharset|GNU\.sparse\..*)$/su;

/** What the fixed fields of a header block hold. */
interface HeaderFields {
  readonly name: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly typeFlag: string;
  readonly linkName: Uint8Array;
  readonly user: Uint8Array;
  readonly group: Uint8Array;
  readonly device: { readonly major: number; readonly minor: number } | undefined;
}

/**
 * The blocks before the content of an entry, as Python's tarfile writes them in its pax dialect, byte for byte (docs/formats/duplicity.md 5). A directory's
 * name gets a slash at its end if it has none. A negative time is written as 0. `records` follow after the records that Python needs itself. Throws
 * `input/invalid` for what tar cannot hold: a name with a NUL byte, device numbers beyond 2097151, records with unusable keys or of more than 16 MiB.
 */
export function encodeTarHeader(entry: TarEntry): Uint8Array {
  if (entry.type === 'unknown')
    throw new AppError('input/invalid', 'An entry of an unknown type cannot be written');
  const name = entry.type === 'directory' ? withSlash(entry.name) : entry.name;
  if (name.includes(0) || entry.linkName.includes(0)) {
    throw new AppError(
      'input/invalid',
      'A name with a NUL byte cannot be written to a tar archive',
    );
  }
  const records: [string, Uint8Array][] = [];
  const textField = (key: string, bytes: Uint8Array, length: number): Uint8Array => {
    const ascii = asciiWithQuestionMarks(bytes);
    if (ascii !== undefined || bytes.length > length) records.push([key, bytes]);
    return ascii ?? bytes;
  };
  const numberField = (key: string, value: number, most: number): number => {
    if (value >= 0 && value <= most) return value;
    records.push([key, utf8(String(value))]);
    return 0;
  };
  // In this order, which is that of the records.
  const fields: HeaderFields = {
    name: textField('path', name, NAME_LENGTH),
    linkName: textField('linkpath', entry.linkName, NAME_LENGTH),
    user: textField('uname', ownerBytes(entry.user), OWNER_LENGTH),
    group: textField('gname', ownerBytes(entry.group), OWNER_LENGTH),
    uid: numberField('uid', entry.uid, MAX_OWNER_ID),
    gid: numberField('gid', entry.gid, MAX_OWNER_ID),
    size: numberField('size', entry.size, MAX_LONG_NUMBER),
    mtime: numberField('mtime', Math.max(0, Math.trunc(entry.mtime)), MAX_LONG_NUMBER),
    mode: entry.mode & 0o7777,
    typeFlag: typeFlags[entry.type],
    device: entry.type.endsWith('-device') ? deviceOf(entry) : undefined,
  };
  for (const [key, value] of entry.records) {
    if (key === '' || key.includes('=') || RESERVED_KEY.test(key)) {
      throw new AppError('input/invalid', `A pax record cannot be called "${key}"`);
    }
    records.push([key, value]);
  }
  if (records.length === 0) return headerBlock(fields);
  const body = encodePaxRecords(records);
  if (body.length > MAX_PAX_LENGTH) {
    throw new AppError(
      'input/invalid',
      'The attributes of an entry are too long for a tar archive',
    );
  }
  const padding = tarPadding(body.length);
  const header = new Uint8Array(TAR_BLOCK + body.length + padding.length + TAR_BLOCK);
  header.set(headerBlock({ ...noFields, name: PAX_NAME, typeFlag: 'x', size: body.length }));
  header.set(body, TAR_BLOCK);
  header.set(headerBlock(fields), header.length - TAR_BLOCK);
  return header;
}

/** The zero bytes that fill the last block of a content of `size` bytes; shared, not to be changed. */
export function tarPadding(size: number): Uint8Array {
  return ZEROS.subarray(0, (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK);
}

const noFields: HeaderFields = {
  name: EMPTY,
  mode: 0,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0,
  typeFlag: '0',
  linkName: EMPTY,
  user: EMPTY,
  group: EMPTY,
  device: undefined,
};

/** The names of the accounts met last: nearly all entries share a few. */
const ownerNames = new Map<string, Uint8Array>();

function ownerBytes(name: string | undefined): Uint8Array {
  if (name === undefined) return EMPTY;
  let bytes = ownerNames.get(name);
  if (bytes === undefined) {
    if (ownerNames.size >= 100) ownerNames.clear();
    bytes = utf8(name);
    ownerNames.set(name, bytes);
  }
  return bytes;
}

function withSlash(name: Uint8Array): Uint8Array {
  if (name.at(-1) === SLASH) return name;
  const longer = new Uint8Array(name.length + 1);
  longer.set(name);
  longer[name.length] = SLASH;
  return longer;
}

function deviceOf(entry: TarEntry): { major: number; minor: number } {
  const { deviceMajor: major, deviceMinor: minor } = entry;
  if (!(major >= 0 && major <= MAX_OWNER_ID && minor >= 0 && minor <= MAX_OWNER_ID)) {
    throw new AppError('input/invalid', `A tar archive cannot hold the device ${major}:${minor}`);
  }
  return { major, minor };
}

function headerBlock(fields: HeaderFields): Uint8Array {
  const block = new Uint8Array(TAR_BLOCK);
  const octal = (value: number, offset: number, digits: number): void => {
    let rest = value;
    for (let at = offset + digits - 1; at >= offset; at -= 1) {
      block[at] = 0x30 + (rest % 8);
      rest = Math.floor(rest / 8);
    }
  };
  block.set(fields.name.subarray(0, NAME_LENGTH), 0);
  octal(fields.mode, 100, 7);
  octal(fields.uid, 108, 7);
  octal(fields.gid, 116, 7);
  octal(fields.size, 124, 11);
  octal(fields.mtime, 136, 11);
  // The sum counts its own field as blanks.
  block.fill(0x20, 148, 156);
  block[156] = fields.typeFlag.charCodeAt(0);
  block.set(fields.linkName.subarray(0, NAME_LENGTH), 157);
  block.set(MAGIC, 257);
  block.set(fields.user.subarray(0, OWNER_LENGTH), 265);
  block.set(fields.group.subarray(0, OWNER_LENGTH), 297);
  if (fields.device !== undefined) {
    octal(fields.device.major, 329, 7);
    octal(fields.device.minor, 337, 7);
  }
  let sum = 0;
  for (let at = 0; at < TAR_BLOCK; at += 1) sum += block[at]!;
  octal(sum, 148, 6);
  block[154] = 0;
  return block;
}
