import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { untilAborted } from '../../../base/until-aborted.ts';
import { type DriveApi, type DriveFile, folderType, quoted } from './drive-api.ts';

/** The ids of all folders with one path, the oldest first: Drive allows several of one name. Objects are stored in the oldest. */
export type FolderIds = readonly string[];

/**
 * The folders below the root of a destination. What was found is remembered; each is looked for, and made, once at a time, so that
 * parallel puts do not make a folder twice. Where another program has made one at the same time, both count.
 */
export class DriveFolders {
  readonly #api: DriveApi;
  readonly #root: string;
  readonly #isOwnRoot: boolean;
  readonly #known = new Map<string, Promise<FolderIds>>();
  readonly #making = new Map<string, Promise<FolderIds>>();

  /** `root`: the id of the folder in which the destination's own folder is; `undefined` for the root of the drive. */
  constructor(api: DriveApi, root: string | undefined) {
    this.#api = api;
    this.#root = root ?? api.sharedDrive ?? 'root';
    this.#isOwnRoot = this.#root === 'root';
  }

  /** The folders of this path, parts joined by `/`; none when there is no such folder. */
  async find(path: string, action: string, { signal }: CallOptions): Promise<FolderIds> {
    const known = this.#known.get(path) ?? this.#remember(path, this.#look(path, action));
    const ids = await untilAborted(known, signal);
    if (ids.length === 0) this.#known.delete(path);
    return ids;
  }

  /** The same; makes the folder, and those above it, when there is none. */
  async make(path: string, action: string, options: CallOptions): Promise<FolderIds> {
    const found = await this.find(path, action, options);
    if (found.length > 0) return found;
    let making = this.#making.get(path);
    if (making === undefined) {
      making = this.#create(path, action).finally(() => this.#making.delete(path));
      this.#making.set(path, making);
    }
    return untilAborted(making, options.signal);
  }

  /** Forgets everything: somebody has deleted a folder that was known. */
  forget(): void {
    this.#known.clear();
  }

  /** Notes what a listing has shown. */
  note(path: string, ids: FolderIds): void {
    this.#known.set(path, Promise.resolve(ids));
  }

  #remember(path: string, ids: Promise<FolderIds>): Promise<FolderIds> {
    this.#known.set(path, ids);
    ids.catch(() => {
      if (this.#known.get(path) === ids) this.#known.delete(path);
    });
    return ids;
  }

  async #look(path: string, action: string): Promise<FolderIds> {
    if (path === '') return [await this.#checkedRoot(action)];
    const [above, name] = split(path);
    const parents = await this.find(above, action, {});
    if (parents.length === 0) return [];
    return oldestFirst(await this.#children(parents, name, action));
  }

  async #create(path: string, action: string): Promise<FolderIds> {
    const [above, name] = split(path);
    const [parent = ''] = await this.make(above, action, {});
    // While this waited, somebody may have come with it.
    const found = await this.find(path, action, {});
    if (found.length > 0) return found;
    const made = await this.#api.makeFolder(name, parent, action, {});
    // Another program may have made one as well; the oldest is used by both.
    const all = await this.#children([parent], name, action);
    return this.#remember(
      path,
      Promise.resolve(oldestFirst(all.some(({ id }) => id === made.id) ? all : [...all, made])),
    );
  }

  async #children(parents: FolderIds, name: string, action: string): Promise<readonly DriveFile[]> {
    const query = `${inParents(parents)} and name = ${quoted(name)} and mimeType = ${quoted(folderType)} and trashed = false`;
    const found = await this.#api.find(query, action, {});
    // Drive compares names in a query without regard to case.
    return found.filter((folder) => folder.name === name);
  }

  async #checkedRoot(action: string): Promise<string> {
    if (this.#isOwnRoot) return this.#root;
    try {
      const { mimeType, id } = await this.#api.look(this.#root, action, {});
      if (mimeType === folderType) return id;
    } catch (error) {
      if (!hasCode(error, 'storage/not-found')) throw error;
    }
    throw new AppError(
      'storage/no-container',
      `There is no shared drive or folder "${this.#root}" that this account sees`,
      {
        hint: 'Look at the id (it is in the address of its web page), and share it with the account',
      },
    );
  }
}

/** The part of a query that limits it to these folders. */
export function inParents(ids: FolderIds): string {
  return `(${ids.map((id) => `${quoted(id)} in parents`).join(' or ')})`;
}

export function oldestFirst(folders: readonly DriveFile[]): FolderIds {
  return folders
    .toSorted(
      (left, right) =>
        compare(left.createdTime ?? '', right.createdTime ?? '') || compare(left.id, right.id),
    )
    .map(({ id }) => id);
}

function split(path: string): readonly [above: string, name: string] {
  const slash = path.lastIndexOf('/');
  return [path.slice(0, Math.max(0, slash)), path.slice(slash + 1)];
}

function compare(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}
