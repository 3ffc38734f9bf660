import { concatBytes, toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { readContentList, type ContentReference } from '../content/content-list.ts';
import { decodeTree } from '../content/tree.ts';
import type { MetaBlobs } from '../collector/meta-blobs.ts';
import type { StoredSnapshot } from '../reader/snapshot-list.ts';
import type { AffectedSnapshot } from './check-result.ts';

const MOST_PATHS = 1000;
const slash = Uint8Array.of(0x2f);

/** What is damaged in and below a directory. */
interface Damage {
  readonly paths: readonly Uint8Array[];
  readonly count: number;
}

const none: Damage = { paths: [], count: 0 };

/** Finds the snapshots and files that need blobs which are lost. Every directory is looked at once, however many snapshots share it. */
export class DamageFinder {
  readonly #blobs: MetaBlobs;
  readonly #isLost: (id: Uint8Array) => boolean;
  readonly #trees = new Map<string, Damage>();

  constructor(blobs: MetaBlobs, isLost: (id: Uint8Array) => boolean) {
    this.#blobs = blobs;
    this.#isLost = isLost;
  }

  async affected(
    snapshots: readonly StoredSnapshot[],
    options: CallOptions = {},
  ): Promise<AffectedSnapshot[]> {
    const result: AffectedSnapshot[] = [];
    for (const { snapshot, root } of snapshots) {
      const { paths, count } = await this.#treeDamage(root.tree!, options);
      const { id, hostname, time } = snapshot;
      if (count > 0) result.push({ id, hostname, time, paths, count });
    }
    return result;
  }

  async #treeDamage(reference: ContentReference, options: CallOptions): Promise<Damage> {
    const key = `${reference.depth}:${toHex(reference.list)}`;
    const known = this.#trees.get(key);
    if (known !== undefined) return known;
    const damage = await this.#lookInto(reference, options);
    this.#trees.set(key, damage);
    return damage;
  }

  async #lookInto(reference: ContentReference, options: CallOptions): Promise<Damage> {
    const raw = await this.#read(reference, options);
    // The directory itself: everything below it is out of reach.
    if (raw === undefined) return { paths: [new Uint8Array(0)], count: 1 };
    const paths: Uint8Array[] = [];
    let count = 0;
    for (const { name, tree, content } of decodeTree(raw)) {
      let found = none;
      if (tree !== undefined) found = await this.#treeDamage(tree, options);
      else if (content !== undefined && (await this.#isDamaged(content, options))) {
        found = { paths: [new Uint8Array(0)], count: 1 };
      }
      count += found.count;
      for (const path of found.paths) {
        if (paths.length >= MOST_PATHS) break;
        paths.push(path.length === 0 ? name.slice() : concatBytes(name, slash, path));
      }
    }
    return count === 0 ? none : { paths, count };
  }

  async #isDamaged({ depth, list }: ContentReference, options: CallOptions): Promise<boolean> {
    const items = depth === 0 ? list : await this.#read({ depth: depth - 1, list }, options);
    if (items === undefined) return true;
    return readContentList(items).some(({ id }) => id !== undefined && this.#isLost(id));
  }

  /** The joined bytes behind a reference; undefined if any part is missing. */
  async #read(
    { depth, list }: ContentReference,
    options: CallOptions,
  ): Promise<Uint8Array | undefined> {
    let current = list;
    for (let level = depth; level >= 0; level--) {
      const ids = readContentList(current).flatMap(({ id }) => (id === undefined ? [] : [id]));
      if (ids.some((id) => this.#isLost(id))) return undefined;
      try {
        const parts: Uint8Array[] = [];
        for (const id of ids) parts.push(await this.#blobs.read(id, options));
        current = concatBytes(...parts);
      } catch (error) {
        if (error instanceof MalformedError || hasCode(error, 'repository/damaged'))
          return undefined;
        throw error;
      }
    }
    return current;
  }
}
