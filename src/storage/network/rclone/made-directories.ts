import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { untilAborted } from '../../../base/until-aborted.ts';
import { remoteEntry } from './list-remote.ts';
import { type RcloneProcess, servedRemote } from './rclone-process.ts';

/** Where what is served lies, so that the directories above it can be reached as well. */
export interface RemotePlace {
  /** As on the command line, with a colon at its end. */
  readonly remote: string;
  /** Of the path below it. The first is nobody's to make or remove: a share. */
  readonly parts: readonly string[];
}

interface Found {
  /** How many of the parts of the place were there. */
  readonly parts: number;
  /** The directories in it. */
  readonly directories: ReadonlySet<string>;
}

/** Remembers which directories uploads have made, so that they can be removed again. rclone makes them by itself, and tells nobody. */
export class MadeDirectories {
  readonly #place: RemotePlace;
  #found: Promise<Found | undefined> | undefined;
  readonly #made = new Set<string>();

  constructor(place: RemotePlace) {
    this.#place = place;
  }

  /** To be called before an upload to `path`: afterwards it cannot be seen any more what was there. */
  async note(rclone: RcloneProcess, path: string, { signal }: CallOptions): Promise<void> {
    this.#found ??= this.#look(rclone);
    const found = await untilAborted(this.#found, signal);
    const [first = '', ...others] = path.split('/').slice(0, -1);
    // What lies in one that was there is not known.
    if (first === '' || found === undefined || found.directories.has(first)) return;
    let directory = first;
    this.#made.add(directory);
    for (const part of others) this.#made.add((directory += `/${part}`));
  }

  /** Removes them, as far as nothing lies in them. */
  async remove(rclone: RcloneProcess, options: CallOptions): Promise<void> {
    const found = await this.#found;
    this.#found = undefined;
    const made = Array.from(this.#made).toSorted((one, other) => depthOf(other) - depthOf(one));
    this.#made.clear();
    for (const directory of made) await removeEmpty(rclone, servedRemote, directory, options);
    const { remote, parts } = this.#place;
    const were = found?.parts ?? parts.length;
    for (let count = parts.length; count > were; count--)
      await removeEmpty(rclone, remote, parts.slice(0, count).join('/'), options);
  }

  /** What is there now; `undefined` when that cannot be seen, which is no reason not to store anything. */
  async #look(rclone: RcloneProcess): Promise<Found | undefined> {
    const { remote, parts } = this.#place;
    try {
      const inside = await namesIn(rclone, servedRemote, '', { dirsOnly: true });
      if (inside !== undefined) return { parts: parts.length, directories: new Set(inside) };
      let count = parts.length - 1;
      while (count > 1 && (await isMissing(rclone, remote, parts.slice(0, count)))) count--;
      return { parts: count, directories: new Set() };
    } catch (error) {
      if (error instanceof AppError) return undefined;
      throw error;
    }
  }
}

async function isMissing(
  rclone: RcloneProcess,
  remote: string,
  parts: readonly string[],
): Promise<boolean> {
  return (await namesIn(rclone, remote, parts.join('/'), { dirsOnly: true })) === undefined;
}

/** The names in a directory; `undefined` when there is none. */
async function namesIn(
  rclone: RcloneProcess,
  fs: string,
  remote: string,
  { dirsOnly = false, ...options }: CallOptions & { readonly dirsOnly?: boolean } = {},
): Promise<readonly string[] | undefined> {
  const opt = { dirsOnly, noModTime: true, noMimeType: true };
  try {
    const { list } = await rclone.call(
      'operations/list',
      { fs, remote, opt },
      { action: 'look at the directories on the server', ...options },
    );
    if (!Array.isArray(list)) return undefined;
    return list.map((item: Readonly<Record<string, unknown>>) => remoteEntry(item).path);
  } catch (error) {
    if (hasCode(error, 'storage/not-found')) return undefined;
    throw error;
  }
}

/** Looks first, since a file in its place would be removed as well. */
async function removeEmpty(
  rclone: RcloneProcess,
  fs: string,
  remote: string,
  options: CallOptions,
): Promise<void> {
  try {
    if ((await namesIn(rclone, fs, remote, options))?.length !== 0) return;
    const action = 'remove an empty directory';
    await rclone.call('operations/rmdir', { fs, remote }, { action, ...options });
  } catch (error) {
    options.signal?.throwIfAborted();
    // It stays, and so do those above it.
    if (!(error instanceof AppError)) throw error;
  }
}

function depthOf(directory: string): number {
  return directory.split('/').length;
}
