import { asBuffer, equalBytes, toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import type { ContentReference } from '../content/content-list.ts';
import type { TreeEntry } from '../content/tree.ts';
import type { BlobReader } from '../reader/blob-reader.ts';
import { readContentItems, readTree } from '../reader/tree-reader.ts';

/**
 * Which blob of the target holds the content of which blob of the source. It is learnt from what is copied, and from snapshots that were copied before: both trees
 * have the same shape, so ids at the same place mean the same content. Without it every copy would have to read all content again.
 */
export class KnownCopies {
  readonly #ids = new Map<string, Uint8Array>();
  readonly #entered = new Set<string>();

  get(sourceId: Uint8Array): Uint8Array | undefined {
    return this.#ids.get(asBuffer(sourceId).toString('latin1'));
  }

  set(sourceId: Uint8Array, targetId: Uint8Array): void {
    this.#ids.set(asBuffer(sourceId).toString('latin1'), targetId.slice());
  }

  /** Whether this tree of the source is met for the first time: what is below it is known, or will be. */
  enter(reference: ContentReference): boolean {
    const key = `${reference.depth}:${toHex(reference.list)}`;
    if (this.#entered.has(key)) return false;
    this.#entered.add(key);
    return true;
  }

  /** Learns from a snapshot of the source and its copy in the target. */
  async learn(
    source: { readonly blobs: BlobReader; readonly root: TreeEntry },
    target: { readonly blobs: BlobReader; readonly root: TreeEntry },
    options: CallOptions = {},
  ): Promise<void> {
    await this.#learnTree(
      source.blobs,
      source.root.tree!,
      target.blobs,
      target.root.tree!,
      options,
    );
  }

  async #learnTree(
    sourceBlobs: BlobReader,
    source: ContentReference,
    targetBlobs: BlobReader,
    target: ContentReference,
    options: CallOptions,
  ): Promise<void> {
    if (!this.enter(source)) return;
    const [left, right] = await Promise.all([
      readTree(sourceBlobs, source, options),
      readTree(targetBlobs, target, options),
    ]);
    if (left.entries.length !== right.entries.length) return;
    for (const [index, entry] of left.entries.entries()) {
      const other = right.entries[index]!;
      if (!equalBytes(entry.name, other.name)) return;
      if (entry.tree !== undefined && other.tree !== undefined) {
        await this.#learnTree(sourceBlobs, entry.tree, targetBlobs, other.tree, options);
      } else if (entry.content !== undefined && other.content !== undefined) {
        await this.#learnContent(sourceBlobs, entry.content, targetBlobs, other.content, options);
      }
    }
  }

  async #learnContent(
    sourceBlobs: BlobReader,
    source: ContentReference,
    targetBlobs: BlobReader,
    target: ContentReference,
    options: CallOptions,
  ): Promise<void> {
    const others = readContentItems(targetBlobs, target, options);
    try {
      for await (const { id, length } of readContentItems(sourceBlobs, source, options)) {
        const { value: other } = await others.next();
        if (other?.length !== length) return;
        if (id !== undefined && other.id !== undefined) this.set(id, other.id);
      }
    } finally {
      await others.return(undefined);
    }
  }
}
