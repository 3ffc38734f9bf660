import type { DirectoryFilter, EntryFacts } from '../../model/path-filter.ts';
import type { ExistingEntry } from '../../target/filesystem/target-entry.ts';

/** What filters look at, of an entry of a snapshot or something in the target. */
export function factsOf({
  type,
  size,
  mtime,
}: Pick<ExistingEntry, 'type' | 'size' | 'mtime'>): EntryFacts {
  return {
    directory: type === 'directory',
    file: type === 'file',
    size,
    modified: mtime.seconds * 1000 + mtime.nanoseconds / 1e6,
  };
}

/** Whether a filter leaves out something that is in the target and not in the snapshot. */
export function isLeftOut(
  filter: DirectoryFilter | undefined,
  name: Uint8Array,
  existing: ExistingEntry | undefined,
): boolean {
  if (filter === undefined || existing === undefined) return false;
  return !filter.child(name, factsOf(existing)).included;
}
