import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import { blobType } from '../content/blob-id.ts';
import { writeContentItem, type ContentReference } from '../content/content-list.ts';
import { encodeEntry, encodeTree, type TreeEntry } from '../content/tree.ts';
import type { BlobTable } from '../index/blob-table.ts';
import type { BlobPacker } from '../packs/blob-packer.ts';
import type { BlobReader } from '../reader/blob-reader.ts';
import { readContentItems, readTree } from '../reader/tree-reader.ts';
import type { MetaStore } from '../writer/meta-store.ts';
import type { KnownCopies } from './known-copies.ts';

export interface TreeCopierParts {
  readonly source: BlobReader;
  readonly known: KnownCopies;
  /** Of the target's run: every blob of the copy is looked up in it (W4). */
  readonly table: BlobTable;
  readonly data: BlobPacker;
  readonly meta: MetaStore;
  /** Resolves while there is memory for another pack. */
  ready(): Promise<void> | undefined;
  /** A file is done. */
  onFile(bytes: number, path: Uint8Array): void;
  /** Content was read from the source. */
  onRead(bytes: number): void;
}

/**
 * Copies a tree into another repository. Content is stored as it is cut; ids, lists and directories are made anew, because they depend on the keys. The hashes of
 * hard links are kept: they only have to agree within a snapshot.
 */
export class TreeCopier {
  readonly #parts: TreeCopierParts;
  readonly #trees = new Map<string, ContentReference>();

  constructor(parts: TreeCopierParts) {
    this.#parts = parts;
  }

  /** The root as the target's final keeps it. */
  async copyRoot(root: TreeEntry, options: CallOptions = {}): Promise<Uint8Array> {
    const tree = await this.#copyTree(root.tree!, options);
    return encodeEntry({ ...root, tree });
  }

  async #copyTree(reference: ContentReference, options: CallOptions): Promise<ContentReference> {
    const key = `${reference.depth}:${toHex(reference.list)}`;
    const known = this.#trees.get(key);
    if (known !== undefined) return known;
    options.signal?.throwIfAborted();
    const { entries } = await readTree(this.#parts.source, reference, options);
    const encoded: Uint8Array[] = [];
    for (const entry of entries) {
      const copy = {
        ...entry,
        tree: entry.tree && (await this.#copyTree(entry.tree, options)),
        content: entry.content && (await this.#copyContent(entry.content, options)),
      };
      if (entry.type === 'file') this.#parts.onFile(entry.size, entry.name);
      encoded.push(encodeEntry(copy));
    }
    const stored = this.#parts.meta.storeTree(encodeTree(encoded).take()).reference;
    await this.#parts.ready();
    this.#trees.set(key, stored);
    return stored;
  }

  async #copyContent(reference: ContentReference, options: CallOptions): Promise<ContentReference> {
    const list = new ByteWriter(256);
    for await (const { id, length } of readContentItems(this.#parts.source, reference, options)) {
      const copied = id === undefined ? undefined : await this.#copyBlob(id, length, options);
      writeContentItem(list, length, copied);
    }
    return this.#parts.meta.storeList(list.take()).reference;
  }

  async #copyBlob(id: Uint8Array, length: number, options: CallOptions): Promise<Uint8Array> {
    const { source, known, table, data } = this.#parts;
    const copied = known.get(id);
    // What was copied once may have been collected since: the table of this run decides.
    if (copied !== undefined && table.use(copied) !== undefined) return copied;
    const raw = await source.read(blobType.data, id, length, options);
    this.#parts.onRead(raw.length);
    const stored = data.add(blobType.data, raw);
    known.set(id, stored);
    await this.#parts.ready();
    return stored;
  }
}
