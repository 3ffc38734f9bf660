import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import type { StorageObject } from '../../storage.ts';
import { type DriveApi, type DriveFile, folderType, googleTypes } from './drive-api.ts';
import { type DriveFolders, type FolderIds, inParents, oldestFirst } from './drive-folders.ts';

/** Folders that are listed at once. One query for several folders would be quicker, and is known to leave files out. */
const parallel = 8;

interface Folder {
  /** From the destination's own folder; empty for that itself. */
  readonly path: string;
  readonly ids: FolderIds;
}

/**
 * The objects whose names begin with `prefix`, in and below `start`. Of files with the same name the newest counts, as it does for
 * reading.
 */
export async function* listObjects(
  api: DriveApi,
  folders: DriveFolders,
  {
    base,
    start,
    prefix,
  }: { readonly base: string; readonly start: Folder; readonly prefix: string },
  { signal }: CallOptions,
): AsyncGenerator<StorageObject, void, undefined> {
  const action = `list "${prefix}"`;
  let level: readonly Folder[] = [start];
  while (level.length > 0) {
    const next: Folder[] = [];
    const listed = mapPool(
      level,
      parallel,
      async (folder, options) => {
        const query = `${inParents(folder.ids)} and trashed = false`;
        try {
          return { folder, children: await api.find(query, action, options) };
        } catch (cause) {
          if (!hasCode(cause, 'storage/not-found')) throw cause;
          folders.forget();
          const text = `Cannot ${action}: a folder has gone meanwhile`;
          throw new AppError('storage/unavailable', text, { cause });
        }
      },
      { signal },
    );
    for await (const { folder, children } of listed) {
      const named = byName(children);
      for (const [name, { files, below }] of named) {
        const path = folder.path === '' ? name : `${folder.path}/${name}`;
        const [newest] = newestFirst(files);
        if (newest !== undefined && path.startsWith(prefix)) yield objectOf(path, newest);
        signal?.throwIfAborted();
        const isWanted = `${path}/`.startsWith(prefix) || prefix.startsWith(`${path}/`);
        if (below.length === 0 || !isWanted) continue;
        const ids = oldestFirst(below);
        folders.note(base === '' ? path : `${base}/${path}`, ids);
        next.push({ path, ids });
      }
    }
    level = next;
  }
}

interface Namesakes {
  readonly files: DriveFile[];
  readonly below: DriveFile[];
}

function byName(children: readonly DriveFile[]): ReadonlyMap<string, Namesakes> {
  const named = new Map<string, Namesakes>();
  for (const child of children) {
    // Drive allows names that are no part of a path; they are none of ours.
    if (/^(?:\.{0,2}$)|[/\0]/u.test(child.name)) continue;
    const found = named.get(child.name) ?? { files: [], below: [] };
    named.set(child.name, found);
    if (child.mimeType === folderType) found.below.push(child);
    else if (!child.mimeType.startsWith(googleTypes)) found.files.push(child);
  }
  return named;
}

/** Files of one name, the one that counts first: that which was written last; of two from the same moment everybody takes the same. */
export function newestFirst(files: readonly DriveFile[]): readonly DriveFile[] {
  const timeOf = ({ modifiedTime }: DriveFile): number => Date.parse(modifiedTime ?? '') || 0;
  return files.toSorted(
    (left, right) => timeOf(right) - timeOf(left) || (left.id < right.id ? 1 : -1),
  );
}

export function objectOf(name: string, { size, modifiedTime }: DriveFile): StorageObject {
  const modified = Date.parse(modifiedTime ?? '');
  return { name, size: Number(size ?? 0), ...(Number.isFinite(modified) && { modified }) };
}
