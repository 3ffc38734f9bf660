import type { Entry } from '../../model/entry.ts';
import type { EntryFacts } from '../../model/path-filter.ts';

/** What filters look at, of an entry of a snapshot. */
export function factsOf({ type, size, mtime }: Pick<Entry, 'type' | 'size' | 'mtime'>): EntryFacts {
  return {
    directory: type === 'directory',
    file: type === 'file',
    size,
    modified: mtime.seconds * 1000 + mtime.nanoseconds / 1e6,
  };
}
