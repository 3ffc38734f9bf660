import type { ProgramRecord } from '../../program/operation-records.ts';

/** A file as `holdfast ls --json` tells it: what was recorded when it was backed up. */
export interface ListedFile {
  /** Relative to where a restore puts it. */
  readonly path: Buffer;
  /** `undefined` where only reading would tell: a file of an archive that is a delta. */
  readonly size: number | undefined;
  /** Permission bits. */
  readonly mode: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
}

/** The file that a record tells of; `undefined` for anything else. */
export function listedFile(record: ProgramRecord): ListedFile | undefined {
  const {
    type,
    kind,
    path,
    path_b64: encoded,
    size,
    mode,
    mtime,
  } = record as ProgramRecord & Readonly<Record<string, unknown>>;
  if (type !== 'file' || kind !== 'file' || typeof path !== 'string') return undefined;
  const time = typeof mtime === 'string' ? nanoseconds(mtime) : undefined;
  if (time === undefined) return undefined;
  return {
    path: typeof encoded === 'string' ? Buffer.from(encoded, 'base64') : Buffer.from(path),
    size: typeof size === 'number' ? size : undefined,
    mode: Number.parseInt(String(mode), 8),
    mtime: time,
  };
}

/** `2026-11-21T10:02:24.812904414Z`, or seconds with nine digits for years that ISO dates cannot say. */
function nanoseconds(text: string): bigint | undefined {
  const [, iso, seconds, fraction = '0'] =
    /^(?:([+-]?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d)|(-?\d+))\.(\d{9})Z?$/u.exec(text) ?? [];
  if (iso !== undefined) {
    const time = Date.parse(`${iso}Z`);
    return Number.isNaN(time) ? undefined : BigInt(time) * 1_000_000n + BigInt(fraction);
  }
  return seconds === undefined ? undefined : BigInt(seconds) * 1_000_000_000n + BigInt(fraction);
}
