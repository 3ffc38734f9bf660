import type { CallOptions } from '../../../base/call-options.ts';
import { toHex } from '../../../base/bytes.ts';
import { mapPool } from '../../../base/pool.ts';
import { systemRandom } from '../../../base/random.ts';
import type { Semaphore } from '../../../base/semaphore.ts';
import { type Body, sizeOfBody } from '../../body.ts';
import { uploadParts } from '../../network/body-parts.ts';
import type { ListedObject } from './container-listing.ts';

/** Where the segments of large objects lie, below the prefix of the destination; no object of ours has a name in there. */
export const segmentFolder = '.holdfast-segments/';

/** Carried by a large object: which of the uploads its segments come from. */
export const uploadHeader = 'x-object-meta-holdfast-upload';

export interface ListOptions extends CallOptions {
  readonly limit?: number;
  /** What the listing is for, where that is not the listing itself. */
  readonly action?: string;
}

/** What the driver lends: everything here is done with segments as if they were objects. */
export interface SegmentStore {
  /** The path of a segment as a manifest names it: `/container/key`, not encoded. */
  pathOf(name: string): string;
  /** Stores one segment and gives its ETag. */
  putSegment(name: string, bytes: Uint8Array, options: CallOptions): Promise<string>;
  listSegments(
    prefix: string,
    options: ListOptions,
  ): AsyncIterable<ListedObject & { readonly name: string }>;
  deleteSegment(name: string, options: CallOptions): Promise<void>;
  /** Which upload the object that is there now is made of, if it is there and a large one. */
  uploadOf(name: string, options: CallOptions): Promise<string | undefined>;
}

export interface LargeObjectSettings {
  readonly segmentSize: number;
  readonly concurrency: number;
  readonly memory: Semaphore;
}

/** What a large object consists of, ready to be stored under its name. */
export interface Manifest {
  readonly upload: string;
  readonly json: string;
}

/** Swift takes a thousand segments in one manifest by default. */
const mostSegments = 1000;

/** Milliseconds after which segments that belong to no object were left by an upload that broke off. */
const leftAfter = 24 * 60 * 60_000;

/** Static large objects: the segments are stored first, then a manifest that names them under the object's name. */
export class LargeObjects {
  readonly #store: SegmentStore;
  readonly #settings: LargeObjectSettings;
  #exist: Promise<boolean> | undefined;
  #isTidied = false;

  constructor(store: SegmentStore, settings: LargeObjectSettings) {
    this.#store = store;
    this.#settings = settings;
  }

  /** Stores the segments of a body. When that fails they are removed. */
  async putSegments(name: string, body: Body, { signal }: CallOptions): Promise<Manifest> {
    this.#exist = Promise.resolve(true);
    const upload = toHex(systemRandom(8));
    const { segmentSize, concurrency, memory } = this.#settings;
    const size = sizeOfBody(body);
    const partSize = Math.max(segmentSize, Math.ceil(size / mostSegments));
    try {
      const segments = await uploadParts(
        name,
        body,
        { partSize, parallel: concurrency, memory },
        async ({ index, bytes }, options) => {
          const segment = `${folderOf(name, upload)}${String(index).padStart(5, '0')}`;
          const etag = await this.#store.putSegment(segment, bytes, options);
          return { path: this.#store.pathOf(segment), etag, size_bytes: bytes.byteLength };
        },
        { signal },
      );
      return { upload, json: JSON.stringify(segments) };
    } catch (error) {
      // The error that is on its way says more than one of the tidying; what is left is removed another time.
      if (signal?.aborted !== true)
        await this.removeSegments(name, upload, {}).catch(() => undefined);
      throw error;
    }
  }

  /** The upload whose segments are of no more use once `name` is replaced or deleted. */
  async uploadOf(
    name: string,
    options: CallOptions & { readonly action: string },
  ): Promise<string | undefined> {
    return (await this.#areAny(options)) ? await this.#store.uploadOf(name, options) : undefined;
  }

  async removeSegments(name: string, upload: string, options: CallOptions): Promise<void> {
    const found = await Array.fromAsync(
      this.#store.listSegments(folderOf(name, upload), options),
      (segment) => segment.name,
    );
    await this.#remove(found, options);
  }

  /** Removes what uploads that broke off have left, once; `now` is the server's time. */
  async removeLeftovers(now: number, options: CallOptions): Promise<void> {
    if (this.#isTidied || Number.isNaN(now)) return;
    this.#isTidied = true;
    const uploads = new Map<string, { readonly names: string[]; newest: number }>();
    for await (const { name, modified } of this.#store.listSegments(segmentFolder, options)) {
      const folder = name.slice(0, name.lastIndexOf('/') + 1);
      const known = uploads.get(folder) ?? { names: [], newest: 0 };
      known.names.push(name);
      known.newest = Math.max(known.newest, modified);
      uploads.set(folder, known);
    }
    for (const [folder, { names, newest }] of uploads) {
      if (now - newest < leftAfter) continue;
      const [, object = '', upload] = /^[^/]+\/(.+)\/([0-9a-f]{16})\/$/u.exec(folder) ?? [];
      // What nobody here has named is left alone.
      if (upload === undefined) continue;
      if ((await this.#store.uploadOf(object, options)) !== upload)
        await this.#remove(names, options);
    }
  }

  async #remove(names: readonly string[], options: CallOptions): Promise<void> {
    await Array.fromAsync(
      mapPool(
        names,
        this.#settings.concurrency,
        (name, call) => this.#store.deleteSegment(name, call),
        options,
      ),
    );
  }

  /** Most destinations have no large object at all, and need not look for one at every deletion. */
  async #areAny(options: ListOptions): Promise<boolean> {
    const known = await this.#exist;
    if (known !== undefined) return known;
    let found = false;
    for await (const _ of this.#store.listSegments(segmentFolder, { ...options, limit: 1 })) {
      found = true;
      break;
    }
    this.#exist ??= Promise.resolve(found);
    return found;
  }
}

function folderOf(name: string, upload: string): string {
  return `${segmentFolder}${name}/${upload}/`;
}
