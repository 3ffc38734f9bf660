import { type FileInfo, parseList } from 'basic-ftp';

import { AppError } from '../../../base/errors.ts';

/** One line of a directory listing. */
export interface DirectoryEntry {
  readonly name: string;
  /** Links and devices are `other`: they are not followed. */
  readonly kind: 'file' | 'directory' | 'other';
  /** Bytes; 0 for what is no file. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified?: number;
}

/**
 * The entry of a line of MLSD or MLST (RFC 3659, section 7); `undefined` for the directory itself and the one above it. Throws
 * `storage/unavailable` for a line that makes no sense: a listing is whole, or an error.
 */
export function parseFacts(line: string): DirectoryEntry | undefined {
  const space = line.indexOf(' ');
  const name = line.slice(space + 1);
  const facts = new Map(
    line
      .slice(0, Math.max(0, space))
      .split(';')
      .flatMap((fact): (readonly [string, string])[] => {
        const equals = fact.indexOf('=');
        return equals < 0 ? [] : [[fact.slice(0, equals).toLowerCase(), fact.slice(equals + 1)]];
      }),
  );
  const type = facts.get('type')?.toLowerCase();
  if (space < 0 || type === undefined || name === '') throw unreadable(line);
  if (type === 'cdir' || type === 'pdir' || name === '.' || name === '..') return undefined;
  const kind = type === 'file' ? 'file' : type === 'dir' ? 'directory' : 'other';
  const size = kind === 'file' ? Number(facts.get('size') ?? Number.NaN) : 0;
  if (!Number.isSafeInteger(size) || size < 0) throw unreadable(line);
  const modified = parseTime(facts.get('modify') ?? '');
  return { name, kind, size, ...(modified !== undefined && { modified }) };
}

/** The same for a line as `ls -l` or DOS would print it; the times of those are in nobody knows which time zone, and left out. */
export function parseLongLine(line: string): DirectoryEntry | undefined {
  if (/^total \d+$/u.test(line)) return undefined;
  const info = infoOf(line);
  if (info === undefined) {
    if (/\s\.{1,2}$/u.test(line)) return undefined;
    throw unreadable(line);
  }
  const { name, isFile, isDirectory } = info;
  if (name === '') throw unreadable(line);
  const kind = isFile ? 'file' : isDirectory ? 'directory' : 'other';
  const size = kind === 'file' ? info.size : 0;
  if (!Number.isSafeInteger(size) || size < 0) throw unreadable(line);
  return { name, kind, size };
}

/** `YYYYMMDDHHMMSS[.sss]` in UTC, as MDTM and MLSD give it; `undefined` for anything else. */
export function parseTime(text: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,3}))?/u.exec(text);
  if (parts === null) return undefined;
  const [year = 0, month = 0, day, hour, minute, second] = parts.slice(1, 7).map(Number);
  return Date.UTC(
    year,
    month - 1,
    day,
    hour,
    minute,
    second,
    Number((parts[7] ?? '0').padEnd(3, '0')),
  );
}

function infoOf(line: string): FileInfo | undefined {
  try {
    return parseList(line)[0];
  } catch {
    // The library knows no program that would print such a line.
    return undefined;
  }
}

function unreadable(line: string): AppError {
  return new AppError(
    'storage/unavailable',
    `The listing of the server has a line that cannot be understood: ${JSON.stringify(line.slice(0, 100))}`,
  );
}
