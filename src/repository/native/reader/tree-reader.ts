import { equalBytes } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { componentsOf, joinPath } from '../../../base/posix/path-bytes.ts';
import { quotePath } from '../../../base/posix/system-error.ts';
import { ByteReader, MalformedError } from '../../../codec/binary/byte-reader.ts';
import { blobType } from '../content/blob-id.ts';
import {
  readContentList,
  type ContentItem,
  type ContentReference,
} from '../content/content-list.ts';
import { decodeTree, type TreeEntry } from '../content/tree.ts';
import type { BlobReader } from './blob-reader.ts';

/** A directory as it is stored. */
export interface StoredTree {
  /** In byte order of their names, which are checked. */
  readonly entries: readonly TreeEntry[];
  /** The same entries, encoded: views. */
  readonly encoded: readonly Uint8Array[];
}

/** An entry of a snapshot with its path from the root of the walk, which is empty for that root itself. */
export interface WalkedEntry {
  readonly path: Uint8Array;
  readonly entry: TreeEntry;
}

export interface WalkOptions extends CallOptions {
  /** Asked before a directory is read; false leaves out what is in it. */
  readonly enter?: (path: Uint8Array, entry: TreeEntry) => boolean;
  /** Called instead of failing when a directory cannot be read. */
  readonly onUnreadable?: (path: Uint8Array, error: AppError) => void;
}

/** No directory is longer than this many bytes: ten million names are not a tree, they are an attack. */
const maximumTree = 2 ** 30;

/**
 * The items of a content list, however deep (native.md, section 7.3); ids are views. Of list blobs only the ones on the way are in memory.
 *
 * @throws AppError `repository/damaged`, and what `BlobReader.read` throws
 */
export async function* readContentItems(
  blobs: BlobReader,
  { depth, list }: ContentReference,
  options: CallOptions = {},
): AsyncGenerator<ContentItem, void, undefined> {
  if (depth === 0) {
    yield* decoded('A content list', () => readContentList(list));
    return;
  }
  // Items may straddle the parts of a list, so what is left of one part goes before the next.
  let rest: Uint8Array = new Uint8Array(0);
  for await (const item of readContentItems(blobs, { depth: depth - 1, list }, options)) {
    if (item.id === undefined) throw damaged('A content list has a hole in its list blobs');
    const part = await blobs.read(blobType.list, item.id, item.length, options);
    const bytes = rest.length === 0 ? part : Buffer.concat([rest, part]);
    const end = wholeItems(bytes);
    const items = decoded('A content list', () => readContentList(bytes.subarray(0, end)));
    rest = bytes.slice(end);
    yield* items;
  }
  if (rest.length > 0) throw damaged('A content list is cut off');
}

/**
 * A directory of a snapshot.
 *
 * @throws AppError `repository/damaged`, and what `BlobReader.read` throws
 */
export async function readTree(
  blobs: BlobReader,
  reference: ContentReference,
  options: CallOptions = {},
): Promise<StoredTree> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const { id, length: part } of readContentItems(blobs, reference, options)) {
    length += part;
    if (id === undefined || length > maximumTree) throw damaged('A directory is no directory');
    parts.push(await blobs.read(blobType.tree, id, part, options));
  }
  const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  return decoded('A directory', () => ({ entries: decodeTree(bytes), encoded: entriesOf(bytes) }));
}

/**
 * Everything in a directory: the directory itself, then its entries in byte order, each with what is in it. Only the directories on the way are in
 * memory.
 *
 * @throws AppError `repository/damaged` (see `onUnreadable`), and what `BlobReader.read` throws
 */
export async function* walkTree(
  blobs: BlobReader,
  root: TreeEntry,
  options: WalkOptions = {},
): AsyncGenerator<WalkedEntry, void, undefined> {
  const { enter = () => true, onUnreadable, signal } = options;
  const stack: {
    readonly path: Uint8Array;
    readonly entries: readonly TreeEntry[];
    next: number;
  }[] = [];
  const open = async (path: Uint8Array, entry: TreeEntry): Promise<void> => {
    if (entry.tree === undefined || !enter(path, entry)) return;
    try {
      const { entries } = await readTree(blobs, entry.tree, { signal });
      stack.push({ path, entries, next: 0 });
    } catch (error) {
      if (onUnreadable === undefined || !isDamage(error)) throw error;
      onUnreadable(path, error);
    }
  };
  const rootPath = new Uint8Array(0);
  yield { path: rootPath, entry: root };
  await open(rootPath, root);
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    signal?.throwIfAborted();
    const entry = top.entries[top.next++];
    if (entry === undefined) {
      stack.pop();
      continue;
    }
    const path = joinPath(top.path, entry.name);
    yield { path, entry };
    if (entry.type === 'directory') await open(path, entry);
  }
}

/**
 * The entry at a path below a root; slashes at its ends and doubled ones do not matter, and an empty path is the root.
 *
 * @throws AppError `snapshot/missing` if there is none
 */
export async function findEntry(
  blobs: BlobReader,
  root: TreeEntry,
  path: Uint8Array,
  options: CallOptions = {},
): Promise<TreeEntry> {
  let entry = root;
  for (const name of componentsOf(path)) {
    const { entries }: StoredTree =
      entry.tree === undefined
        ? { entries: [], encoded: [] }
        : await readTree(blobs, entry.tree, options);
    const found = entries.find((child) => equalBytes(child.name, name));
    if (found === undefined) {
      throw new AppError('snapshot/missing', `There is no ${quotePath(path)} in the snapshot`, {
        hint: 'List what there is with "holdfast ls"',
      });
    }
    entry = found;
  }
  return entry;
}

/** Whether an error says that something in the repository is damaged or missing, rather than that it cannot be reached. */
export function isDamage(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'repository/damaged';
}

/** The encoded entries of a directory that `decodeTree` has accepted. */
function entriesOf(bytes: Uint8Array): Uint8Array[] {
  const reader = new ByteReader(bytes);
  reader.u8();
  const entries: Uint8Array[] = [];
  while (reader.remaining > 0) entries.push(reader.bytes());
  return entries;
}

/** How many bytes of a part of a list are whole items. */
function wholeItems(bytes: Uint8Array): number {
  for (let start = 0; ;) {
    let end = start;
    while (end < bytes.length && bytes[end]! >= 0x80) end++;
    if (end >= bytes.length) return start;
    const isHole = (bytes[start]! & 1) === 1;
    end += isHole ? 1 : 33;
    if (end > bytes.length) return start;
    start = end;
  }
}

function decoded<Result>(what: string, decode: () => Result): Result {
  try {
    return decode();
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    throw damaged(`${what} of the snapshot cannot be understood: ${cause.message}`, cause);
  }
}

function damaged(message: string, cause?: unknown): AppError {
  return new AppError('repository/damaged', message, { cause });
}
