import { noteBufferGarbage } from '../../../base/buffer-garbage.ts';
import { equalBytes, toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { eachPool } from '../../../base/pool.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { keyPairFromSeed, type XWingSecret } from '../../../codec/encryption/x-wing.ts';
import type { Access } from '../access.ts';
import { BlobNamer } from '../content/blob-id.ts';
import { requireKey } from '../keys/key-ring.ts';
import { packName } from '../objects/object-name.ts';
import { damagedObject } from '../objects/signed-object.ts';
import {
  readPackLayout,
  segmentOf,
  type PackLayout,
  type PlacedSegment,
} from '../packs/pack-layout.ts';
import { visitTableBlobs } from '../packs/pack-table.ts';
import { SegmentOpener } from '../packs/segment-opener.ts';
import type { CataloguePack, Catalogues } from './catalogue.ts';

/** Packs whose layout is kept at hand. */
const LAYOUTS = 64;

interface OpenPack {
  readonly layout: PackLayout;
  readonly openers: (SegmentOpener | undefined)[];
}

interface Place {
  readonly pack: CataloguePack;
  readonly open: OpenPack;
  readonly segment: PlacedSegment;
  /** Where each blob begins in the opened segment. */
  readonly starts: readonly number[];
}

/**
 * Reads trees and lists by the segment: every segment once for all blobs that are wanted of it. A copy that cannot be read or has another id gives way to the
 * next one; what is wrong with it is kept in `problems`.
 */
export class MetaBlobs {
  readonly #access: Access;
  readonly #catalogues: Catalogues;
  readonly #secret: XWingSecret;
  readonly #namer: BlobNamer;
  readonly #open = new Map<string, Promise<OpenPack>>();
  /** Copies that turned out to be bad, by the object's name. */
  readonly problems = new Map<string, AppError>();

  constructor(access: Access, catalogues: Catalogues) {
    this.#access = access;
    this.#catalogues = catalogues;
    this.#secret = keyPairFromSeed(requireKey(access.keys, 'metaSeed')).secret;
    this.#namer = new BlobNamer(access.keys.idKey);
  }

  /**
   * Calls `visit` for each of the blobs, in any order, with its position in `ids`; the bytes are valid during the call. Throws an `AppError`
   * `repository/damaged` if one is nowhere to be found.
   */
  async readEach(
    ids: readonly Uint8Array[],
    visit: (raw: Uint8Array, position: number) => void,
    {
      signal,
      onFailure,
    }: CallOptions & {
      /** Called instead of throwing for a blob that is nowhere to be found, or that `visit` does not understand. */
      readonly onFailure?: ((position: number, error: unknown) => void) | undefined;
    } = {},
  ): Promise<void> {
    const groups = new Map<string, { readonly pack: CataloguePack; members: [number, number][] }>();
    const homeless: number[] = [];
    for (const [position, id] of ids.entries()) {
      const found = this.#catalogues.find(id);
      if (found === undefined) {
        homeless.push(position);
        continue;
      }
      const pack = found.catalogue.packs[found.pack]!;
      const group = groups.get(pack.name) ?? { pack, members: [] };
      group.members.push([found.ordinal, position]);
      groups.set(pack.name, group);
    }
    await eachPool(
      groups.values(),
      this.#access.storage.capabilities.concurrency,
      async ({ pack, members }, call) => {
        homeless.push(...(await this.#readGroup(pack, members, ids, visit, call)));
      },
      { signal },
    );
    for (const position of homeless) {
      try {
        visit(await this.#readAnywhere(ids[position]!, { signal }), position);
      } catch (error) {
        const isContent = error instanceof MalformedError || hasCode(error, 'repository/damaged');
        if (!isContent || onFailure === undefined) throw error;
        onFailure(position, error);
      }
    }
  }

  /** The bytes of one blob, as an array of its own. */
  async read(id: Uint8Array, options: CallOptions = {}): Promise<Uint8Array> {
    let result: Uint8Array | undefined;
    await this.readEach([id], (raw) => void (result = raw.slice()), options);
    return result!;
  }

  /** Gives the positions of those that must be looked for elsewhere. */
  async #readGroup(
    pack: CataloguePack,
    members: [number, number][],
    ids: readonly Uint8Array[],
    visit: (raw: Uint8Array, position: number) => void,
    options: CallOptions,
  ): Promise<number[]> {
    const failed: number[] = [];
    members.sort(([left], [right]) => left - right);
    let place: Place | undefined;
    let raw: Uint8Array | undefined;
    for (const [ordinal, position] of members) {
      try {
        if (place === undefined || raw === undefined || !isIn(place.segment, ordinal)) {
          raw = undefined;
          place = await this.#place(pack, ordinal, options);
          raw = await this.#openSegment(place, options);
        }
        visit(this.#blobOf(place, raw, ordinal, ids[position]!), position);
      } catch (error) {
        this.#note(pack, error);
        failed.push(position);
      }
    }
    return failed;
  }

  async #readAnywhere(id: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    await this.#catalogues.refresh(options);
    for (const { packs } of this.#catalogues.all) {
      for (const pack of packs) {
        if (pack.head.kind !== 'meta') continue;
        for (const ordinal of ordinalsOf(pack, id)) {
          try {
            const place = await this.#place(pack, ordinal, options);
            const raw = await this.#openSegment(place, options);
            return this.#blobOf(place, raw, ordinal, id).slice();
          } catch (error) {
            this.#note(pack, error);
          }
        }
      }
    }
    throw new AppError(
      'repository/damaged',
      `The tree or list ${toHex(id)} is nowhere to be found`,
      {
        hint: '"holdfast check" names the snapshots that need it; a backup stores it again if its source still has it, and "holdfast forget" gives a snapshot up',
        details: { blob: toHex(id) },
      },
    );
  }

  async #place(pack: CataloguePack, ordinal: number, options: CallOptions): Promise<Place> {
    const open = await this.#openPack(pack, options);
    const segment = segmentOf(open.layout, ordinal);
    let start = 0;
    const starts = segment.blobs.map(({ rawLength }) => {
      start += rawLength;
      return start - rawLength;
    });
    return { pack, open, segment, starts };
  }

  #openPack(pack: CataloguePack, options: CallOptions): Promise<OpenPack> {
    const known = this.#open.get(pack.name);
    if (known !== undefined) return known;
    const opening = readPackLayout(this.#access.storage, pack.name, pack.table, options).then(
      (layout): OpenPack => ({ layout, openers: [] }),
    );
    this.#open.set(pack.name, opening);
    opening.catch(() => this.#open.delete(pack.name));
    if (this.#open.size > LAYOUTS) {
      for (const oldest of this.#open.keys()) {
        this.#open.delete(oldest);
        break;
      }
    }
    return opening;
  }

  async #openSegment({ pack, open, segment }: Place, options: CallOptions): Promise<Uint8Array> {
    const { storage, keys } = this.#access;
    const stored = await storage.read(packName(pack.name), {
      ...options,
      range: { offset: segment.offset, length: segment.storedLength },
    });
    const opener = (open.openers[segment.slot] ??= new SegmentOpener(
      this.#secret,
      open.layout.slots[segment.slot]!,
      'meta',
      keys.repositoryId,
    ));
    const raw = opener.open(segment, stored);
    noteBufferGarbage(stored.length + raw.length);
    return raw;
  }

  #blobOf(
    { segment, starts }: Place,
    segmentRaw: Uint8Array,
    ordinal: number,
    id: Uint8Array,
  ): Uint8Array {
    const index = ordinal - segment.firstOrdinal;
    const blob = segment.blobs[index];
    if (blob !== undefined && equalBytes(blob.id, id)) {
      const start = starts[index]!;
      const raw = segmentRaw.subarray(start, start + blob.rawLength);
      if (equalBytes(this.#namer.nameOf(blob.type, raw), id)) return raw;
    }
    throw new MalformedError('A blob is not what its id says');
  }

  #note(pack: CataloguePack, error: unknown): void {
    const object = packName(pack.name);
    if (error instanceof MalformedError) this.problems.set(object, damagedObject(object, error));
    else if (hasCode(error, 'repository/damaged', 'repository/unsupported')) {
      this.problems.set(object, error);
    } else if (!hasCode(error, 'storage/not-found', 'storage/bad-range')) throw error;
  }
}

function isIn({ firstOrdinal, blobs }: PlacedSegment, ordinal: number): boolean {
  return ordinal >= firstOrdinal && ordinal < firstOrdinal + blobs.length;
}

function ordinalsOf(pack: CataloguePack, id: Uint8Array): number[] {
  const ordinals: number[] = [];
  visitTableBlobs(pack.head, (bytes, offset, ordinal) => {
    if (equalBytes(bytes.subarray(offset, offset + id.length), id)) ordinals.push(ordinal);
  });
  return ordinals;
}
