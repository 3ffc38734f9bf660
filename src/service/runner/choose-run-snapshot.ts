import { AppError } from '../../base/errors.ts';
import { parseTime } from '../../model/snapshot-selector.ts';
import type { ProgramRecord } from '../program/operation-records.ts';

/** A snapshot as `holdfast snapshots --json` tells it. */
export interface ListedSnapshot {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly paths: readonly string[];
  readonly tags: readonly string[];
  /** The same paths, as bytes. */
  readonly roots: readonly Buffer[];
  /** Of an archive of duplicity's. */
  readonly isArchived: boolean;
}

/** The complete snapshots that a list of records tells of. */
export function listedSnapshots(records: readonly ProgramRecord[]): ListedSnapshot[] {
  return records.flatMap((record) => {
    const { type, id, time, paths, paths_b64: encoded, tags, state, user } = record;
    if (type !== 'snapshot' || typeof id !== 'string' || state !== 'complete') return [];
    return [
      {
        id,
        time: Date.parse(String(time)),
        paths: texts(paths),
        roots: Array.isArray(encoded)
          ? texts(encoded).map((text) => Buffer.from(text, 'base64'))
          : texts(paths).map((text) => Buffer.from(text)),
        tags: texts(tags),
        // Archives do not record who made them.
        isArchived: user === '',
      },
    ];
  });
}

export interface SnapshotWish {
  /** `undefined`: whoever has made it. */
  readonly job: string | undefined;
  /** An id or its beginning, `latest` or a time. */
  readonly snapshot?: string | undefined;
  /** The newest that is not younger. */
  readonly at?: string | undefined;
  readonly now: number;
  readonly timeZone: string;
  /** Files, or the dumps of databases. */
  readonly of: 'files' | 'dumps';
}

/**
 * The newest snapshot of a job that fits, among those of a repository that others may use as well. Where none is marked as the job's, as in archives and before
 * there was a job, all count that are not marked as another one's. `undefined` if there is none.
 *
 * @throws AppError `input/invalid` for a time that cannot be read
 */
export function chooseRunSnapshot(
  snapshots: readonly ListedSnapshot[],
  { job, snapshot = 'latest', at, now, timeZone, of }: SnapshotWish,
): ListedSnapshot | undefined {
  const kind = snapshots.filter(({ paths }) => isDump(paths) === (of === 'dumps'));
  if (snapshot !== 'latest' && /^[0-9a-f]{4,64}$/u.test(snapshot)) {
    const named = snapshots.filter(({ id }) => id.startsWith(snapshot));
    if (named.length > 1)
      throw new AppError('input/invalid', `Several snapshots begin with "${snapshot}"`);
    return named[0];
  }
  const own = kind.filter(({ tags }) => job === undefined || tags.includes(`job:${job}`));
  const wanted = at ?? (snapshot === 'latest' ? undefined : snapshot);
  const until = wanted === undefined ? Infinity : parseTime(wanted, { now, timeZone });
  const unmarked = kind.filter(({ tags }) => !tags.some((tag) => tag.startsWith('job:')));
  return (own.length > 0 ? own : unmarked)
    .filter(({ time }) => time <= until)
    .toSorted((one, other) => other.time - one.time)[0];
}

/** Files come from absolute paths; a dump is called after its server and database. */
export const isDump = (paths: readonly string[]): boolean =>
  paths.length === 1 && !paths[0]!.startsWith('/');

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
