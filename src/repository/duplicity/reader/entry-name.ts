import { asBuffer, utf8 } from '../../../base/bytes.ts';

/** What stands before the path of an entry of a volume (docs/formats/duplicity.md 6.1) or of a signature tar (7). */
export type EntryKind = 'snapshot' | 'diff' | 'deleted' | 'signature';

/** What the name of an entry says. */
export interface EntryName {
  readonly kind: EntryKind;
  /** Relative to the root, components joined by `/`; empty for the root. */
  readonly path: Uint8Array;
  /** Set for a block of a large file, from 1. */
  readonly block: number | undefined;
}

const slash = 0x2f;
const dot = 0x2e;

interface Prefix {
  readonly bytes: Uint8Array;
  readonly kind: EntryKind;
  readonly isBlock: boolean;
}

function prefix(text: string, kind: EntryKind, isBlock = false): Prefix {
  return { bytes: utf8(text), kind, isBlock };
}

const volumePrefixes: readonly Prefix[] = [
  prefix('snapshot', 'snapshot'),
  prefix('diff', 'diff'),
  prefix('deleted', 'deleted'),
  prefix('multivol_snapshot', 'snapshot', true),
  prefix('multivol_diff', 'diff', true),
];

const signaturePrefixes: readonly Prefix[] = [
  prefix('signature', 'signature'),
  prefix('snapshot', 'snapshot'),
  prefix('deleted', 'deleted'),
];

/**
 * The name of an entry of a volume; undefined for one that must not be there: another prefix, or a path that would lead elsewhere (`..`, a slash at its beginning, a NUL) or is not in its
 * plain form.
 */
export function parseVolumeName(name: Uint8Array): EntryName | undefined {
  return parse(name, volumePrefixes);
}

/** The same for an entry of a signature tar. */
export function parseSignatureName(name: Uint8Array): EntryName | undefined {
  return parse(name, signaturePrefixes);
}

function parse(name: Uint8Array, prefixes: readonly Prefix[]): EntryName | undefined {
  let end = name.length;
  while (end > 0 && name[end - 1] === slash) end--;
  let first = 0;
  while (first < end && name[first] !== slash) first++;
  const found = prefixes.find(({ bytes }) => bytes.length === first && startsWith(name, bytes));
  if (found === undefined) return undefined;
  const { kind } = found;
  let block: number | undefined;
  if (found.isBlock) {
    const last = asBuffer(name).lastIndexOf(slash, end - 1);
    const digits = asBuffer(name).toString('latin1', last + 1, end);
    if (last <= first || !/^\d{1,15}$/u.test(digits)) return undefined;
    block = Number(digits);
    end = last;
  }
  let path = name.subarray(Math.min(first + 1, end), end);
  if (path.length === 1 && path[0] === dot) path = path.subarray(1);
  return isPlain(path) ? { kind, path, block } : undefined;
}

/** Byte by byte: there is a name for every entry, and they are short. */
function startsWith(name: Uint8Array, start: Uint8Array): boolean {
  for (let at = 0; at < start.length; at++) if (name[at] !== start[at]) return false;
  return true;
}

/** Whether no component is empty, `.` or `..`, and none has a NUL. */
function isPlain(path: Uint8Array): boolean {
  if (path.length === 0) return true;
  let start = 0;
  for (let at = 0; at <= path.length; at++) {
    const byte = at === path.length ? slash : path[at];
    if (byte === 0) return false;
    if (byte !== slash) continue;
    const length = at - start;
    if (length === 0) return false;
    if (path[start] === dot && (length === 1 || (length === 2 && path[start + 1] === dot))) {
      return false;
    }
    start = at + 1;
  }
  return true;
}
