import type { Entry, EntryType, Timestamp } from '../model/entry.ts';
import { displayPath, displayText, pathFields } from './output/display-text.ts';
import type { JsonValue } from './output/output.ts';
import { timeText } from './snapshot-text.ts';

const letters: Readonly<Record<EntryType, string>> = {
  file: '-',
  directory: 'd',
  symlink: 'l',
  fifo: 'p',
  socket: 's',
  'character-device': 'c',
  'block-device': 'b',
};

/** An entry as a line: its path, a directory with a slash at its end; with `long` mode, owner, size and time before it. */
export function entryLine(
  path: Uint8Array,
  entry: Entry,
  {
    long,
    timeZone,
    isSizeUnknown = false,
  }: { readonly long: boolean; readonly timeZone: string; readonly isSizeUnknown?: boolean },
): string {
  const name = `${displayPath(path)}${entry.type === 'directory' ? '/' : ''}`;
  if (!long) return name;
  const { user, uid, group, gid } = entry;
  const owner = `${displayText(user ?? String(uid))}:${displayText(group ?? String(gid))}`;
  const link = entry.linkTarget === undefined ? '' : ` -> ${displayPath(entry.linkTarget)}`;
  const time = timeText(entry.mtime.seconds * 1000, timeZone);
  return `${modeText(entry)}  ${owner.padEnd(16)}  ${(isSizeUnknown ? '?' : sizeText(entry)).padStart(12)}  ${time}  ${name}${link}`;
}

/** `drwxr-sr-x` */
export function modeText({ type, mode }: Pick<Entry, 'type' | 'mode'>): string {
  const triple = (shift: number, special: number, letter: string): string => {
    const bits = (mode >> shift) & 7;
    const isSpecial = (mode & special) !== 0;
    const execute = (bits & 1) !== 0;
    const last = isSpecial ? (execute ? letter : letter.toUpperCase()) : execute ? 'x' : '-';
    return `${(bits & 4) === 0 ? '-' : 'r'}${(bits & 2) === 0 ? '-' : 'w'}${last}`;
  };
  return letters[type] + triple(6, 0o4000, 's') + triple(3, 0o2000, 's') + triple(0, 0o1000, 't');
}

/** Exact, because it may be compared; for a device its numbers. */
function sizeText({ type, size, deviceMajor, deviceMinor }: Entry): string {
  if (type === 'character-device' || type === 'block-device')
    return `${deviceMajor}, ${deviceMinor}`;
  return type === 'file' ? String(size) : '';
}

/** An entry for `--json`. */
export function entryFields(
  path: Uint8Array,
  entry: Entry,
  isSizeUnknown = false,
): { readonly [name: string]: JsonValue } {
  const { type, size, mode, uid, gid, user, group, mtime, links, linkTarget } = entry;
  const target = linkTarget === undefined ? undefined : pathFields(linkTarget);
  return {
    ...pathFields(path),
    kind: type,
    ...(type === 'file' && !isSizeUnknown && { size }),
    mode: `0${mode.toString(8)}`,
    uid,
    gid,
    ...(user !== undefined && { user }),
    ...(group !== undefined && { group }),
    mtime: isoText(mtime),
    ...(links > 1 && { links }),
    ...(target !== undefined && {
      target: target.path,
      ...(target.path_b64 !== undefined && { target_b64: target.path_b64 }),
    }),
  };
}

/** With all nine digits of the second; years that ISO dates cannot say come out as seconds since 1970. */
function isoText({ seconds, nanoseconds }: Timestamp): string {
  const digits = String(nanoseconds).padStart(9, '0');
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return `${seconds}.${digits}`;
  return date.toISOString().replace(/\.\d{3}Z$/u, `.${digits}Z`);
}
