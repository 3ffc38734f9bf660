import { equalBytes } from '../../base/bytes.ts';
import { compareTimestamps, type Entry, equalTimestamps } from '../../model/entry.ts';
import type { ExistingEntry } from './target-entry.ts';

/**
 * What a restore does where something exists: leave it; make it as in the snapshot always, only if size or time differ,
 * or only if the snapshot's is later.
 */
export type ExistingPolicy = 'never' | 'always' | 'if-changed' | 'if-newer';

/**
 * - `create`: nothing is there.
 * - `skip`: what is there stays, with its metadata.
 * - `keep`: its content is right already, the metadata is applied.
 * - `update`: a regular file whose differing blocks are rewritten in place.
 * - `replace`: remove it, then create.
 */
export type RestoreAction = 'create' | 'skip' | 'keep' | 'update' | 'replace';

/**
 * Decides what happens to one entry. Directories are always kept and entered, so that the policy is asked again for
 * what is in them; with `never` their metadata stays (`skip`).
 */
export function actionFor(
  policy: ExistingPolicy,
  existing: ExistingEntry | undefined,
  entry: Entry,
): RestoreAction {
  if (existing === undefined) return 'create';
  const bothDirectories = existing.type === 'directory' && entry.type === 'directory';
  if (policy === 'never') return 'skip';
  if (bothDirectories) return 'keep';
  if (policy === 'if-newer' && compareTimestamps(entry.mtime, existing.mtime) <= 0) return 'skip';
  if (existing.type !== entry.type) return 'replace';
  if (entry.type === 'symlink') return isSameLink(existing, entry) ? 'keep' : 'replace';
  if (entry.type !== 'file') return isSameSpecial(existing, entry) ? 'keep' : 'replace';
  const isSame = existing.size === entry.size && equalTimestamps(existing.mtime, entry.mtime);
  // A name of a file that has others is replaced even so: its metadata must not change the others.
  if (policy === 'if-changed' && isSame && existing.links === 1) return 'keep';
  return existing.links === 1 ? 'update' : 'replace';
}

/** Whether what is there looks as the snapshot has it: for telling of what a policy leaves as it is. */
export function looksSame(existing: ExistingEntry, entry: Entry): boolean {
  if (existing.type !== entry.type) return false;
  if (entry.type === 'symlink') return isSameTarget(existing, entry);
  if (entry.type !== 'file') return true;
  return existing.size === entry.size && equalTimestamps(existing.mtime, entry.mtime);
}

/** Of a FIFO, socket or device, which are of the same kind. */
function isSameSpecial(existing: ExistingEntry, entry: Entry): boolean {
  const isSameDevice =
    existing.deviceMajor === entry.deviceMajor && existing.deviceMinor === entry.deviceMinor;
  const isDevice = entry.type === 'block-device' || entry.type === 'character-device';
  return existing.links === 1 && (!isDevice || isSameDevice);
}

function isSameLink(existing: ExistingEntry, entry: Entry): boolean {
  return existing.links === 1 && isSameTarget(existing, entry);
}

function isSameTarget({ linkTarget }: ExistingEntry, entry: Entry): boolean {
  if (linkTarget === undefined || entry.linkTarget === undefined) return false;
  return equalBytes(linkTarget, entry.linkTarget);
}
