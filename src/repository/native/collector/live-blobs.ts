import { concatBytes, toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import type { Access } from '../access.ts';
import { readContentList, type ContentReference } from '../content/content-list.ts';
import { decodeEntry, decodeTree } from '../content/tree.ts';
import type { Catalogues } from './catalogue.ts';
import { MetaBlobs } from './meta-blobs.ts';

/** So many directories are asked for at once: memory stays bounded however wide a tree is. */
const BATCH = 4096;

/**
 * Which blobs any snapshot uses: one bit a blob, in the tables of the catalogues. Every tree is read once, however many snapshots share it. Ids that nobody
 * has are kept by name, because a pack may hold what the index does not say.
 */
export class LiveBlobs {
  readonly #catalogues: Catalogues;
  readonly #missing = new Set<string>();
  readonly #longTrees = new Set<string>();
  /** Where trees and lists are read, and which copies of them turned out to be bad. */
  readonly blobs: MetaBlobs;
  readonly #unreadable: Map<string, unknown> | undefined;

  /** `unreadable` collects trees and lists that cannot be read, by their ids in hexadecimal; without it the first of them is thrown. */
  constructor(access: Access, catalogues: Catalogues, unreadable?: Map<string, unknown>) {
    this.#catalogues = catalogues;
    this.#unreadable = unreadable;
    this.blobs = new MetaBlobs(access, catalogues);
  }

  /** Content that snapshots use and no pack has, in hexadecimal: those files are damaged already. */
  get missing(): ReadonlySet<string> {
    return this.#missing;
  }

  /**
   * Marks everything below the roots of finals. Throws an `AppError` if a tree or list cannot be read: then nobody knows what else is used.
   */
  async markRoots(roots: readonly Uint8Array[], options: CallOptions = {}): Promise<void> {
    let level = roots.map((root) => {
      const { tree } = decodeEntry(root);
      if (tree === undefined) throw new MalformedError('The root is not a directory');
      return tree;
    });
    while (level.length > 0) {
      const next: ContentReference[] = [];
      for (let start = 0; start < level.length; start += BATCH) {
        await this.#markTrees(level.slice(start, start + BATCH), next, options);
      }
      level = next;
    }
    if (this.#missing.size > 0) await this.#lookAgain(options);
  }

  /** Whether a blob is used; only after `markRoots`. */
  isLive(id: Uint8Array, offset = 0): boolean {
    const found = this.#catalogues.find(id, offset);
    if (found !== undefined && found.used) return true;
    return this.#missing.size > 0 && this.#missing.has(toHex(id.subarray(offset, offset + 32)));
  }

  async #markTrees(
    references: readonly ContentReference[],
    next: ContentReference[],
    options: CallOptions,
  ): Promise<void> {
    const wanted: Uint8Array[] = [];
    for (const reference of references) {
      const ids = await this.#idsOf(reference, options);
      const [id] = ids;
      if (ids.length === 1 && id !== undefined) {
        if (this.#mark(id)) wanted.push(id.slice());
        continue;
      }
      // Parts are shared by directories that differ elsewhere: each such directory is read as a whole.
      for (const part of ids) this.#mark(part);
      const name = toHex(concatBytes(...ids));
      if (this.#longTrees.has(name)) continue;
      this.#longTrees.add(name);
      const joined = await this.#join(ids, options);
      if (joined !== undefined) await this.#markTree(joined, next, options);
    }
    const lists: ContentReference[] = [];
    await this.blobs.readEach(wanted, (raw) => this.#visitTree(raw, next, lists), {
      ...options,
      onFailure: this.#collector(wanted),
    });
    for (const list of lists) await this.#markContent(list, options);
  }

  async #markTree(raw: Uint8Array, next: ContentReference[], options: CallOptions): Promise<void> {
    const lists: ContentReference[] = [];
    this.#visitTree(raw, next, lists);
    for (const list of lists) await this.#markContent(list, options);
  }

  #visitTree(raw: Uint8Array, next: ContentReference[], lists: ContentReference[]): void {
    for (const { tree, content } of decodeTree(raw)) {
      if (tree !== undefined) next.push(detached(tree));
      if (content === undefined) continue;
      if (content.depth > 0) lists.push(detached(content));
      else for (const { id } of readContentList(content.list)) if (id !== undefined) this.#mark(id);
    }
  }

  async #markContent(reference: ContentReference, options: CallOptions): Promise<void> {
    for (const id of await this.#idsOf(reference, options)) this.#mark(id);
  }

  /** The ids of the lowest level; those of list blobs on the way are marked. */
  async #idsOf({ depth, list }: ContentReference, options: CallOptions): Promise<Uint8Array[]> {
    let current = list;
    for (let level = depth; ; level--) {
      const ids = readContentList(current).flatMap(({ id }) => (id === undefined ? [] : [id]));
      if (level === 0) return ids;
      for (const id of ids) this.#mark(id);
      const joined = await this.#join(ids, options);
      if (joined === undefined) return [];
      current = joined;
    }
  }

  /** Undefined if a part is missing, and somebody collects such things. */
  async #join(ids: readonly Uint8Array[], options: CallOptions): Promise<Uint8Array | undefined> {
    const parts: Uint8Array[] = [];
    await this.blobs.readEach(ids, (raw, position) => void (parts[position] = raw.slice()), {
      ...options,
      onFailure: this.#collector(ids),
    });
    for (let index = 0; index < ids.length; index++)
      if (parts[index] === undefined) return undefined;
    return concatBytes(...parts);
  }

  #collector(ids: readonly Uint8Array[]): ((position: number, error: unknown) => void) | undefined {
    const unreadable = this.#unreadable;
    if (unreadable === undefined) return undefined;
    return (position, error) => void unreadable.set(toHex(ids[position]!), error);
  }

  /** True if nobody marked it before. */
  #mark(id: Uint8Array): boolean {
    const before = this.#catalogues.mark(id);
    if (before !== undefined) return !before;
    const name = toHex(id);
    if (this.#missing.has(name)) return false;
    this.#missing.add(name);
    return true;
  }

  /** What a snapshot uses that appeared after the catalogue was made may be in packs that did so, too. */
  async #lookAgain(options: CallOptions): Promise<void> {
    await this.#catalogues.refresh(options);
    for (const name of this.#missing) {
      if (this.#catalogues.mark(Buffer.from(name, 'hex')) !== undefined) this.#missing.delete(name);
    }
  }
}

/** Independent of the segment that it was read from. */
function detached({ depth, list }: ContentReference): ContentReference {
  return { depth, list: list.slice() };
}
