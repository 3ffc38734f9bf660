import { discardBytes } from '../../../base/discard-bytes.ts';
import { equalBytes, fromHex, toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { signerFromSeed } from '../../../codec/encryption/signature.ts';
import { keyPairFromSeed, type XWingSecret } from '../../../codec/encryption/x-wing.ts';
import { packTargetOf, type Access } from '../access.ts';
import { BlobNamer } from '../content/blob-id.ts';
import { BlobTable } from '../index/blob-table.ts';
import { requireKey } from '../keys/key-ring.ts';
import { encodeAudit } from '../objects/audit.ts';
import { encodeIndexObject, splitIndex, type IndexedPack } from '../objects/index-object.ts';
import { packName } from '../objects/object-name.ts';
import { damagedObject } from '../objects/signed-object.ts';
import { BlobPacker } from '../packs/blob-packer.ts';
import type { FinishedPack, PackContext } from '../packs/pack-builder.ts';
import { blobsIn, layOut, type PackLayout, type PlacedSegment } from '../packs/pack-layout.ts';
import { tableHash, type PackKind } from '../packs/pack-table.ts';
import { openPackTail } from '../packs/pack-tail.ts';
import { SegmentOpener } from '../packs/segment-opener.ts';
import { TransportPack, type SlotSource } from '../packs/transport-pack.ts';
import { defaultCompressionLevel } from '../packs/default-compression.ts';
import { provenanceOf } from './provenance.ts';

/** A segment of which more than this part is used is copied as it is. */
const MOSTLY_USED = 0.8;

export interface MoverOptions {
  readonly runId: Uint8Array;
  /** Open segments of which much is unused; needs the private keys. */
  readonly rewrite: boolean;
  /** Kinds of which every segment is opened, however much of it is used. */
  readonly rewriteWhole: ReadonlySet<PackKind>;
  /** Whether a blob must be stored anew. */
  isNeeded(id: Uint8Array): boolean;
}

/** The verdict on a pack whose content is not what its ids say. */
export class WrongContent extends MalformedError {}

/**
 * Stores what is needed of packs anew (C7): whole segments verbatim, or, for an owner, single blobs after each id was computed again. Every id is stored once.
 */
export class Mover {
  readonly #access: Access;
  readonly #options: MoverOptions;
  readonly #context: PackContext;
  readonly #namer: BlobNamer;
  readonly #table = BlobTable.allocate(0, 0);
  /** The number that stands for all packs of copied segments in the table. */
  readonly #copied = this.#table.openPack();
  readonly #copies: Partial<Record<PackKind, TransportPack>> = {};
  readonly #packers: Partial<Record<PackKind, BlobPacker>> = {};
  readonly #secrets: Partial<Record<PackKind, XWingSecret>> = {};
  #finished: Omit<FinishedPack, 'pack'>[] = [];
  #unindexed: IndexedPack[] = [];
  /** Bytes of packs that were stored. */
  stored = 0;
  packs = 0;

  constructor(access: Access, options: MoverOptions) {
    const { keys, random } = access;
    this.#access = access;
    this.#options = options;
    this.#namer = new BlobNamer(keys.idKey);
    this.#context = {
      repositoryId: keys.repositoryId,
      indexKey: keys.indexKey,
      dataPublic: keys.dataPublic,
      metaPublic: keys.metaPublic,
      signerId: fromHex(access.hostId),
      signer: signerFromSeed(access.hostSeed),
      runId: options.runId,
      target: packTargetOf(access),
      compressionLevel: defaultCompressionLevel,
      verify: true,
      random,
    };
  }

  /**
   * Stores what is needed of one pack. Throws an `AppError` `repository/damaged` if the pack is not what it should be; nothing of it is copied then that was not
   * checked before. For content under wrong ids a bad verdict is published as well.
   */
  async move(name: string, options: CallOptions = {}): Promise<void> {
    const object = packName(name);
    const bytes = await this.#access.storage.read(object, options);
    try {
      if (toHex(sha256(bytes)) !== name) throw new MalformedError('Bytes and name do not agree');
      const { record, table, tableOffset } = openPackTail(bytes, this.#access.verifying);
      const layout = layOut(name, bytes, record);
      if (layout.end !== tableOffset) {
        throw new MalformedError('Segments and table do not fit together');
      }
      if (!equalBytes(sha256(bytes.subarray(0, tableOffset)), table.bodyHash)) {
        throw new MalformedError('The segments are not those that were signed');
      }
      try {
        this.#moveSegments(layout, bytes);
      } catch (error) {
        if (error instanceof WrongContent) await this.#condemn(name, record, options);
        throw error;
      }
    } catch (cause) {
      if (cause instanceof MalformedError) throw damagedObject(object, cause);
      throw cause;
    }
    await this.#store(options);
  }

  /** Stores what is left, and publishes index objects for all packs (C7). */
  async finish(options: CallOptions = {}): Promise<void> {
    for (const packer of Object.values(this.#packers)) packer.flush();
    for (const kind of ['data', 'meta'] as const) this.#finishCopy(kind);
    await this.#store(options);
    const packs = this.#unindexed;
    this.#unindexed = [];
    for (const part of splitIndex({ packs, supersedes: [] })) {
      const { name, bytes } = encodeIndexObject(part, this.#access.signing);
      await this.#access.storage.put(name, bytes, options);
      this.stored += bytes.length;
    }
  }

  #moveSegments(layout: PackLayout, bytes: Uint8Array): void {
    const { kind } = layout.table;
    const openers: (SegmentOpener | undefined)[] = [];
    for (const segment of layout.segments) {
      const needed = segment.blobs.filter(({ id }) => this.#isWanted(id));
      if (needed.length === 0) continue;
      const stored = bytes.subarray(segment.offset, segment.offset + segment.storedLength);
      const used = needed.reduce((sum, { rawLength }) => sum + rawLength, 0);
      const { rewrite, rewriteWhole } = this.#options;
      const isMostlyUsed = !rewriteWhole.has(kind) && used > segment.rawLength * MOSTLY_USED;
      if (!rewrite || isMostlyUsed) {
        this.#copy(layout, segment, stored);
        continue;
      }
      const opener = (openers[segment.slot] ??= new SegmentOpener(
        this.#secretOf(kind),
        layout.slots[segment.slot]!,
        kind,
        this.#access.keys.repositoryId,
      ));
      const opened = opener.open(segment, stored);
      this.#rewrite(kind, segment, opened);
      discardBytes(opened);
    }
  }

  #isWanted(id: Uint8Array): boolean {
    return this.#options.isNeeded(id) && this.#table.find(id) === undefined;
  }

  #copy(layout: PackLayout, segment: PlacedSegment, stored: Uint8Array): void {
    const { kind } = layout.table;
    const slot = layout.slots[segment.slot]!;
    if (this.#copies[kind]?.isFullFor(slot) === true) this.#finishCopy(kind);
    const pack = (this.#copies[kind] ??= new TransportPack(this.#context, kind));
    const from = provenanceOf(
      this.#access,
      { name: layout.name, head: layout.table },
      segment.slot,
    );
    const source: SlotSource = {
      slot,
      originPack: fromHex(from.pack),
      originSigner: fromHex(from.signer),
    };
    pack.add(source, segment, stored);
    for (const { id } of segment.blobs) this.#table.claim(id, this.#copied, 0);
  }

  /** All ids of the segment are checked before anything of it is stored. */
  #rewrite(kind: PackKind, segment: PlacedSegment, opened: Uint8Array): void {
    const blobs = [...blobsIn(segment, opened)].filter(({ blob }) => this.#isWanted(blob.id));
    for (const { blob, raw } of blobs) {
      if (!equalBytes(this.#namer.nameOf(blob.type, raw), blob.id)) {
        throw new WrongContent(`Blob ${toHex(blob.id)} is not what its id says`);
      }
    }
    const packer = (this.#packers[kind] ??= new BlobPacker(
      this.#context,
      kind,
      this.#table,
      this.#namer,
      (pack) => void this.#finished.push(pack),
    ));
    for (const { blob, raw } of blobs) packer.add(blob.type, raw);
  }

  #secretOf(kind: PackKind): XWingSecret {
    const { keys } = this.#access;
    return (this.#secrets[kind] ??= keyPairFromSeed(
      requireKey(keys, kind === 'data' ? 'dataSeed' : 'metaSeed'),
    ).secret);
  }

  #finishCopy(kind: PackKind): void {
    const pack = this.#copies[kind];
    delete this.#copies[kind];
    if (pack !== undefined && !pack.isEmpty) this.#finished.push(pack.finish());
  }

  async #store(options: CallOptions): Promise<void> {
    const finished = this.#finished;
    this.#finished = [];
    for (const { name, bytes, table } of finished) {
      await this.#access.storage.put(packName(toHex(name)), bytes, options);
      this.stored += bytes.length;
      this.packs++;
      this.#unindexed.push({ name, size: bytes.length, table });
    }
  }

  async #condemn(pack: string, record: Uint8Array, options: CallOptions): Promise<void> {
    const { storage, signing, clock, random } = this.#access;
    const audit = encodeAudit(
      {
        id: toHex(random(16)),
        verdicts: [{ pack, table: toHex(tableHash(record)), good: false }],
        time: clock.now(),
      },
      signing,
    );
    try {
      await storage.put(audit.name, audit.bytes, options);
    } catch (error) {
      if (!hasCode(error, 'storage/access-denied')) throw error;
    }
  }
}
