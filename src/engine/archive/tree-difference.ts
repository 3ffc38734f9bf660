import { asBuffer, equalBytes } from '../../base/bytes.ts';
import { groupIdOf, userIdOf } from '../../base/posix/account-names.ts';
import type { Entry, EntryType, Timestamp } from '../../model/entry.ts';

/** Owner and mode, as numbers. */
export interface Permissions {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** In what an entry of a tree is not as an archive has it. `found` is the tree's, `expected` the archive's. */
export type TreeDifference =
  | { readonly what: 'new' | 'missing' | 'content' }
  | { readonly what: 'type'; readonly found: EntryType; readonly expected: EntryType }
  | { readonly what: 'permissions'; readonly found: Permissions; readonly expected: Permissions }
  | { readonly what: 'mtime'; readonly found: Timestamp; readonly expected: Timestamp }
  | { readonly what: 'link-target'; readonly found: Uint8Array; readonly expected: Uint8Array }
  | { readonly what: 'device'; readonly found: DeviceNumbers; readonly expected: DeviceNumbers };

export type DeviceNumbers = readonly [major: number, minor: number];

/** What can be compared of an entry; those of a source have more. */
export type ComparedEntry = Omit<Entry, 'name' | 'links' | 'size' | 'xattrs' | 'fileFlags'>;

const empty = new Uint8Array(0);

/**
 * The first thing in which the attributes of an entry differ, in the order and with the tolerance of duplicity's `verify --compare-data`: times in whole seconds, two that are not after 1970 are
 * the same; of links only where they point. Where the archive has a part of a second, that counts, too.
 *
 * @param byName the owner's name counts where this host knows it, and else his number
 */
export function attributeDifference(
  expected: ComparedEntry,
  found: ComparedEntry,
  byName: boolean,
): TreeDifference | undefined {
  if (expected.type !== found.type) {
    return { what: 'type', found: found.type, expected: expected.type };
  }
  if (expected.type === 'symlink') {
    const [there, wanted] = [found.linkTarget ?? empty, expected.linkTarget ?? empty];
    return equalBytes(there, wanted)
      ? undefined
      : { what: 'link-target', found: there, expected: wanted };
  }
  const wanted = permissionsOf(expected, byName);
  const there = permissionsOf(found, false);
  if (wanted.uid !== there.uid || wanted.gid !== there.gid || wanted.mode !== there.mode) {
    return { what: 'permissions', found: there, expected: wanted };
  }
  if (expected.type === 'character-device' || expected.type === 'block-device') {
    const numbers: DeviceNumbers = [expected.deviceMajor, expected.deviceMinor];
    const others: DeviceNumbers = [found.deviceMajor, found.deviceMinor];
    if (numbers[0] === others[0] && numbers[1] === others[1]) return undefined;
    return { what: 'device', found: others, expected: numbers };
  }
  if (isSameTime(expected.mtime, found.mtime)) return undefined;
  return { what: 'mtime', found: found.mtime, expected: expected.mtime };
}

function permissionsOf(
  { uid, gid, mode, user, group }: ComparedEntry,
  byName: boolean,
): Permissions {
  if (!byName) return { uid, gid, mode };
  return {
    uid: (user === undefined ? undefined : userIdOf(user)) ?? uid,
    gid: (group === undefined ? undefined : groupIdOf(group)) ?? gid,
    mode,
  };
}

function isSameTime(expected: Timestamp, found: Timestamp): boolean {
  if (expected.nanoseconds !== 0) {
    return expected.seconds === found.seconds && expected.nanoseconds === found.nanoseconds;
  }
  return expected.seconds === found.seconds || (expected.seconds <= 0 && found.seconds <= 0);
}

const shortTypes: Readonly<Record<EntryType, string>> = {
  file: 'reg',
  directory: 'dir',
  symlink: 'sym',
  fifo: 'fifo',
  socket: 'sock',
  'character-device': 'chr',
  'block-device': 'blk',
};

/**
 * The line that duplicity prints for a difference.
 *
 * @param name the path, as it is to be shown
 * @param timeText a time as duplicity shows it, from seconds since 1970
 */
export function differenceText(
  difference: TreeDifference,
  name: string,
  timeText: (seconds: number) => string,
): string {
  return `Difference found: ${describe(difference, name, timeText)}`;
}

function describe(
  difference: TreeDifference,
  name: string,
  timeText: (seconds: number) => string,
): string {
  switch (difference.what) {
    case 'new':
      return `New file ${name}`;
    case 'missing':
      return `File ${name} is missing`;
    case 'content':
      return `Data for file ${name} is different`;
    case 'type': {
      const { found, expected } = difference;
      return `File ${name} has type ${shortTypes[found]}, expected ${shortTypes[expected]}`;
    }
    case 'permissions': {
      const { found, expected } = difference;
      return `File ${name} has permissions ${permissionText(found)}, expected ${permissionText(expected)}`;
    }
    case 'mtime': {
      const [found, expected] = timeTexts(difference.found, difference.expected, timeText);
      return `File ${name} has mtime ${found}, expected ${expected}`;
    }
    case 'link-target':
      return `Symlink ${name} points to ${bytesText(difference.found)}, expected ${bytesText(difference.expected)}`;
    case 'device': {
      const [found, expected] = [difference.found, difference.expected];
      return `Device file ${name} has numbers (${found.join(', ')}), expected (${expected.join(', ')})`;
    }
  }
}

function permissionText({ uid, gid, mode }: Permissions): string {
  return `${uid}:${gid} ${mode.toString(8)}`;
}

/** With the parts of seconds where it is only those. */
function timeTexts(
  found: Timestamp,
  expected: Timestamp,
  timeText: (seconds: number) => string,
): readonly [string, string] {
  const textOf = ({ seconds, nanoseconds }: Timestamp): string =>
    found.seconds === expected.seconds
      ? `${timeText(seconds)} + ${nanoseconds} ns`
      : timeText(seconds);
  return [textOf(found), textOf(expected)];
}

/** Bytes as Python shows them, which is what duplicity prints for links. */
function bytesText(bytes: Uint8Array): string {
  const text = asBuffer(bytes).toString('latin1');
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let shown = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (character === '\\' || character === quote) shown += `\\${character}`;
    else if (character === '\n') shown += String.raw`\n`;
    else if (character === '\r') shown += String.raw`\r`;
    else if (character === '\t') shown += String.raw`\t`;
    else if (code < 0x20 || code >= 0x7f) shown += `\\x${code.toString(16).padStart(2, '0')}`;
    else shown += character;
  }
  return `b${quote}${shown}${quote}`;
}
