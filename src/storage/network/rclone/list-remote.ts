import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import type { RcloneProcess } from './rclone-process.ts';
import { servedRemote } from './rclone-process.ts';

/** A file or directory of a remote. */
export interface RemoteEntry {
  /** Below the root of the remote. */
  readonly path: string;
  /** Bytes; negative for what has no size, as documents of an office in the cloud. */
  readonly size: number;
  readonly modified: number | undefined;
  readonly isDirectory: boolean;
}

/** So many directories are asked for at once. */
const directoriesAtOnce = 8;

/**
 * The files below `start`, directory by directory: an answer for everything at once would have to fit in memory, here and in rclone.
 * Directories for which `wanted` is false are left out. A directory that is not there is empty.
 */
export async function* listRemote(
  rclone: RcloneProcess,
  start: string,
  wanted: (directory: string) => boolean,
  { signal, action }: CallOptions & { readonly action: string },
): AsyncGenerator<RemoteEntry, void, undefined> {
  const over = new AbortController();
  const both = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
  const waiting = [start];
  const pending = new Map<string, Promise<Listed>>();
  try {
    while (waiting.length > 0 || pending.size > 0) {
      while (waiting.length > 0 && pending.size < directoriesAtOnce) {
        const directory = waiting.pop() ?? '';
        const listed = listDirectory(rclone, directory, { signal: both, action });
        // The first failure ends the listing; those of the others have nobody to hear them.
        listed.catch(() => undefined);
        pending.set(directory, listed);
      }
      const { directory, entries } = await Promise.race(pending.values());
      pending.delete(directory);
      for (const entry of entries) {
        signal?.throwIfAborted();
        if (!entry.isDirectory) yield entry;
        else if (wanted(entry.path)) waiting.push(entry.path);
      }
    }
  } finally {
    over.abort();
  }
}

interface Listed {
  readonly directory: string;
  readonly entries: readonly RemoteEntry[];
}

async function listDirectory(
  rclone: RcloneProcess,
  directory: string,
  options: CallOptions & { readonly action: string },
): Promise<Listed> {
  let answer: Readonly<Record<string, unknown>>;
  try {
    answer = await rclone.call(
      'operations/list',
      { fs: servedRemote, remote: directory, opt: { noMimeType: true } },
      options,
    );
  } catch (error) {
    options.signal?.throwIfAborted();
    if (hasCode(error, 'storage/not-found') || (await isFile(rclone, directory, options)))
      return { directory, entries: [] };
    throw error;
  }
  const list = Array.isArray(answer['list']) ? (answer['list'] as readonly unknown[]) : [];
  // Some services have several files of one name.
  const entries = new Map(
    list.map((item) => {
      const entry = remoteEntry(item as Readonly<Record<string, unknown>>);
      return [entry.path, entry];
    }),
  );
  return { directory, entries: [...entries.values()] };
}

/** Each service says in its own words that a file is no directory; nothing is below one. */
async function isFile(
  rclone: RcloneProcess,
  path: string,
  options: CallOptions & { readonly action: string },
): Promise<boolean> {
  if (path === '') return false;
  try {
    const opt = { filesOnly: true, noMimeType: true };
    const parameters = { fs: servedRemote, remote: path, opt };
    const { item } = await rclone.call('operations/stat', parameters, options);
    return typeof item === 'object' && item !== null && !('IsDir' in item && item.IsDir === true);
  } catch {
    options.signal?.throwIfAborted();
    // The failure of the listing itself is the one to tell.
    return false;
  }
}

/** An item of rclone's lists. */
export function remoteEntry(item: Readonly<Record<string, unknown>>): RemoteEntry {
  const { Path: path, ModTime: time } = item;
  const modified = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  return {
    path: typeof path === 'string' ? path : '',
    size: Number(item['Size'] ?? -1),
    modified: Number.isNaN(modified) ? undefined : modified,
    isDirectory: item['IsDir'] === true,
  };
}
