import type { CallOptions } from '../../../base/call-options.ts';
import { mapPool } from '../../../base/pool.ts';
import type { LeftoverTimes } from '../../network/leftover-times.ts';
import type { StorageObject } from '../../storage.ts';
import { isDirectory, isFile } from './file-type.ts';
import { statusCode } from './packet.ts';
import type { RemoteRoot } from './remote-root.ts';
import type { DirectoryEntry, SftpSession } from './session.ts';
import { hasStatus, unlessStatus } from './status-error.ts';
import { isReserved, isUnfinished } from '../../temporary-name.ts';

/** Directories that are read at once. */
const directoriesAtOnce = 16;

/** Questions for the next entries of one directory that are on the way at once. */
const questionsAtOnce = 3;

export interface Listing {
  readonly session: SftpSession;
  readonly root: RemoteRoot;
  readonly times: LeftoverTimes;
}

/**
 * Every regular file below the directory `start` whose name starts with `prefix`. Directories that vanish meanwhile are left out, unless the
 * root has vanished; whatever else goes wrong rejects. Links, devices and the driver's own temporary files are no objects.
 */
export async function* listDirectory(
  listing: Listing,
  { start, prefix }: { readonly start: string; readonly prefix: string },
  { signal }: CallOptions = {},
): AsyncGenerator<StorageObject, void, undefined> {
  const { session, root } = listing;
  let missing: string | undefined;
  // One level of directories after the other, several at once: over a slow line that is what counts.
  let level = [start];
  let rootIsThere: Promise<boolean> | undefined;
  while (level.length > 0) {
    const below: string[] = [];
    const read = (
      name: string,
      options: { readonly signal: AbortSignal },
    ): Promise<readonly DirectoryEntry[] | undefined> => {
      const entries = entriesOf(listing, name, options);
      // Behind the question for the first directory, without waiting for its answer: often there is none yet.
      rootIsThere ??= root.exists(session);
      rootIsThere.catch(() => undefined); // of interest only if something is missing
      return entries;
    };
    const contents = mapPool(
      level,
      directoriesAtOnce,
      async (name, options) => ({ name, entries: await read(name, options) }),
      {
        signal,
      },
    );
    for await (const { name: parent, entries } of contents) {
      if (entries === undefined) missing = parent;
      for (const entry of entries ?? []) {
        if (entry.name === undefined || entry.name === '.' || entry.name === '..') continue;
        const name = parent === '' ? entry.name : `${parent}/${entry.name}`;
        listing.times.see(entry.modified);
        if (isDirectory(entry)) {
          if (startsAlike(`${name}/`, prefix)) below.push(name);
        } else if (isReserved(name)) {
          if (isUnfinished(name)) listing.times.note(listing.root.pathOf(name), entry.modified);
        } else if (isFile(entry) && name.startsWith(prefix))
          yield await objectOf(listing, name, entry, { signal });
      }
    }
    level = below;
  }
  if (missing === undefined) return;
  // It was deleted — or everything was, with the disk.
  await session.until((missing === start && rootIsThere) || root.exists(session), { signal });
}

/** `undefined` when there is no such directory. */
async function entriesOf(
  listing: Listing,
  name: string,
  options: CallOptions,
): Promise<readonly DirectoryEntry[] | undefined> {
  const { session, root } = listing;
  try {
    return await readEntries(listing, name, options);
  } catch (error) {
    // Not looked at any further: somebody may be making it at this moment.
    if (hasStatus(error, statusCode.noSuchFile)) return undefined;
    if (!hasStatus(error, statusCode.failure)) throw error;
    const found = await session.until(
      unlessStatus(session.lstat(root.pathOf(name)), statusCode.noSuchFile),
      options,
    );
    // A name that is gone, or that a file has, holds no objects.
    if (found !== undefined && isDirectory(found)) throw error;
    return undefined;
  }
}

async function readEntries(
  { session, root }: Listing,
  name: string,
  { signal }: CallOptions,
): Promise<DirectoryEntry[]> {
  const opening = session.opendir(root.pathOf(name));
  const asked: ReturnType<SftpSession['readdir']>[] = [];
  try {
    const handle = await session.until(opening, { signal });
    const all: DirectoryEntry[] = [];
    for (;;) {
      while (asked.length < questionsAtOnce) asked.push(session.readdir(handle));
      const entries = await session.until(asked.shift() ?? session.readdir(handle), { signal });
      if (entries === undefined) return all;
      for (const entry of entries) all.push(entry);
    }
  } finally {
    // Questions behind the last entry, or behind a failure, have no answer that matters.
    void Promise.allSettled(asked);
    session.closeLater(opening);
  }
}

/** Servers that tell no sizes in a listing are asked for each file. */
async function objectOf(
  { session, root }: Listing,
  name: string,
  entry: DirectoryEntry,
  { signal }: CallOptions,
): Promise<StorageObject> {
  const { size, modified } =
    entry.size === undefined
      ? await session.until(session.lstat(root.pathOf(name)), { signal })
      : entry;
  return { name, size: size ?? 0, ...(modified !== undefined && { modified }) };
}

function startsAlike(left: string, right: string): boolean {
  return left.length < right.length ? right.startsWith(left) : left.startsWith(right);
}
