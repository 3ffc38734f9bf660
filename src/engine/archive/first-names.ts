import { asBuffer } from '../../base/bytes.ts';
import { equalTimestamps, type Entry } from '../../model/entry.ts';
import type { ArchivedEntry } from '../../repository/duplicity/reader/archive-reader.ts';

/** The name that a file got first. */
export interface FirstName {
  readonly path: Uint8Array;
  readonly entry: Entry;
  readonly size: number;
}

/** What is restored first of files that have several names. */
export class FirstNames {
  readonly #names = new Map<string, FirstName>();

  /** The first name of a file that an entry is another name of; undefined if there is none, or if the archive has them as different files. */
  of(
    entry: Entry,
    { linkGroup, size }: Pick<ArchivedEntry, 'linkGroup' | 'size'>,
  ): FirstName | undefined {
    const first = linkGroup && this.#names.get(keyOf(linkGroup));
    return first !== undefined && isSameFile(first, entry, size) ? first : undefined;
  }

  /** Takes a name that was restored. */
  add(linkGroup: Uint8Array | undefined, first: FirstName): void {
    if (linkGroup === undefined) return;
    const key = keyOf(linkGroup);
    if (!this.#names.has(key)) this.#names.set(key, first);
  }
}

function isSameFile(
  { entry, size }: FirstName,
  other: Entry,
  otherSize: number | undefined,
): boolean {
  return (
    (otherSize === undefined || otherSize === size) &&
    equalTimestamps(entry.mtime, other.mtime) &&
    entry.mode === other.mode &&
    entry.uid === other.uid &&
    entry.gid === other.gid
  );
}

function keyOf(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('latin1');
}
