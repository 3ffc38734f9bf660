import { createHash, type Hash } from 'node:crypto';

import { equalBytes } from '../../../base/bytes.ts';
import { discardBytes } from '../../../base/discard-bytes.ts';
import { AppError } from '../../../base/errors.ts';
import type { RandomBytes } from '../../../base/random.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import { zstd } from '../../../codec/compression/zstd.ts';
import { parts, sha256 } from '../../../codec/encryption/key-derivation.ts';
import { encodeHeader, headerSize } from '../../../codec/encryption/object-header.ts';
import { sealBody, sealedBodyLength } from '../../../codec/encryption/padded-plaintext.ts';
import { PieceOpener, pieceOverhead, PieceSealer } from '../../../codec/encryption/piece-cipher.ts';
import { deriveSealKey } from '../../../codec/encryption/sealed-object.ts';
import type { Signer } from '../../../codec/encryption/signature.ts';
import { createSlot, slotSize } from '../../../codec/encryption/slot.ts';
import { latestClose } from './pack-closing.ts';
import { paddingFor } from './pack-padding.ts';
import {
  codecs,
  encodePackTable,
  type PackKind,
  type TableBlob,
  type TableSegment,
} from './pack-table.ts';

/** What every pack of one run is made with. */
export interface PackContext {
  readonly repositoryId: Uint8Array;
  readonly indexKey: Uint8Array;
  readonly dataPublic: Uint8Array;
  readonly metaPublic: Uint8Array;
  /** Host id, 16 bytes, and its key. */
  readonly signerId: Uint8Array;
  readonly signer: Signer;
  readonly runId: Uint8Array;
  /** Target size in bytes. */
  readonly target: number;
  readonly compressionLevel: number;
  /** Open, decompress and compare every segment before it is stored. */
  readonly verify: boolean;
  readonly random: RandomBytes;
}

/** A segment that is ready to be sealed. */
export interface PreparedSegment {
  readonly raw: Uint8Array;
  /** What is sealed: compressed, or `raw` itself where that would save little. */
  readonly contents: Uint8Array;
  readonly codec: number;
  readonly blobs: readonly TableBlob[];
}

export interface FinishedPack {
  /** The number it has in the blob table. */
  readonly pack: number;
  /** SHA-256 of its bytes. */
  readonly name: Uint8Array;
  readonly bytes: Uint8Array;
  /** Its table as index objects hold it. */
  readonly table: Uint8Array;
}

export const trailerSize = 32 + 32 + 12 + pieceOverhead + 64;
/** At most: what a table's record holds besides segments, and for each segment and each blob. */
const RECORD_BYTES = 128;
const SEGMENT_BYTES = 16;
const BLOB_BYTES = 36;
/** An index object holds a pack's table whole and has at most 8 MiB. */
const MOST_BLOBS = 100_000;
/** A compressed segment is kept only if it saves this much. */
const WORTHWHILE = 0.97;
/** Room that a buffer for packs of this target needs, save for packs of very many tiny blobs. */
export function packBufferSize(target: number): number {
  return Math.ceil(target * latestClose) + 9 * 1024 * 1024;
}

/**
 * Builds one pack in memory (native.md, section 8): header and slot first, segments as they come, padding, table, trailer, with one running
 * SHA-256 that gives the name. All steps are synchronous.
 */
export class PackBuilder {
  readonly pack: number;
  readonly #context: PackContext;
  readonly #kind: PackKind;
  readonly #sealer: PieceSealer;
  readonly #opener: PieceOpener;
  readonly #hash: Hash = createHash('sha256');
  readonly #headHash: Uint8Array;
  readonly #segments: TableSegment[] = [];
  #bytes: Uint8Array;
  #length = 0;
  #blobs = 0;

  /** `buffer` is written to, and handed out by `finish`; it grows if it is too small. */
  constructor(context: PackContext, kind: PackKind, pack: number, buffer: Uint8Array) {
    this.#context = context;
    this.#kind = kind;
    this.pack = pack;
    this.#bytes = buffer;
    const publicKey = kind === 'data' ? context.dataPublic : context.metaPublic;
    const { slot, key } = createSlot(publicKey, kind, context.repositoryId, context.random);
    const associated = sha256(slot);
    this.#sealer = new PieceSealer(key, associated);
    this.#opener = new PieceOpener(key, associated);
    this.#append(encodeHeader('pack', 1));
    this.#append(slot);
    this.#headHash = sha256(this.#bytes.subarray(0, headerSize + slotSize));
  }

  /** Blobs put into segments so far: the ordinal of the next one. */
  get blobCount(): number {
    return this.#blobs;
  }

  /** Whether its table can hold no more. */
  get isFull(): boolean {
    return this.#blobs >= MOST_BLOBS;
  }

  /** Bytes that the pack would have, without padding, if it were finished after these segments: not less, and hardly more. */
  sizeWith(more: readonly PreparedSegment[] = []): number {
    let length = this.#length;
    let segments = this.#segments.length + 1;
    let blobs = this.#blobs;
    for (const segment of more) {
      length += segment.contents.length + pieceOverhead;
      segments += 1;
      blobs += segment.blobs.length;
    }
    const record = RECORD_BYTES + segments * SEGMENT_BYTES + blobs * BLOB_BYTES;
    return length + pieceOverhead + sealedBodyLength(record, 'padme') + trailerSize;
  }

  /** Compresses a segment. Its contents are good until the next one is prepared. */
  prepare(raw: Uint8Array, blobs: readonly TableBlob[]): PreparedSegment {
    const { compressionLevel } = this.#context;
    const compressed = compressionLevel === 0 ? raw : zstd().compress(raw, compressionLevel);
    const isWorthwhile = compressed.length < raw.length * WORTHWHILE;
    return isWorthwhile
      ? { raw, contents: compressed, codec: codecs.zstd, blobs }
      : { raw, contents: raw, codec: codecs.stored, blobs };
  }

  /** Seals, verifies and appends a segment. Throws `internal` if what was sealed does not open to the same bytes. */
  append({ raw, contents, codec, blobs }: PreparedSegment): void {
    const number = this.#sealer.count;
    this.#reserve(contents.length + pieceOverhead);
    const storedLength = this.#sealer.sealInto(contents, this.#bytes, this.#length);
    const stored = this.#bytes.subarray(this.#length, this.#length + storedLength);
    if (this.#context.verify) this.#verify(number, codec, stored, raw);
    this.#hash.update(stored);
    this.#length += storedLength;
    this.#blobs += blobs.length;
    this.#segments.push({ slot: 0, number, storedLength, rawLength: raw.length, codec, blobs });
  }

  /** Pads, adds table and trailer, and gives the pack. The builder is used up. */
  finish(): FinishedPack {
    this.#addPadding();
    const bodyHash = this.#hash.copy().digest();
    const table = this.#table(bodyHash);
    const { tableBytes, trailer } = sealTail(this.#context, this.#headHash, table, this.#length);
    this.#append(tableBytes);
    this.#append(trailer);
    return {
      pack: this.pack,
      name: this.#hash.digest(),
      bytes: this.#bytes.subarray(0, this.#length),
      table,
    };
  }

  #table(bodyHash: Uint8Array): Uint8Array {
    return encodePackTable({
      kind: this.#kind,
      signer: this.#context.signerId,
      runId: this.#context.runId,
      headHash: this.#headHash,
      bodyHash,
      origins: [],
      segments: this.#segments,
    });
  }

  /** One more sealed segment, without blobs, of the length that makes the whole a PADMÉ length. */
  #addPadding(): void {
    const length = paddingFor((padding) => this.#totalWith(padding));
    const number = this.#sealer.count;
    this.#reserve(length + pieceOverhead);
    const storedLength = this.#sealer.sealInto(new Uint8Array(length), this.#bytes, this.#length);
    this.#hash.update(this.#bytes.subarray(this.#length, this.#length + storedLength));
    this.#length += storedLength;
    this.#segments.push({ ...paddingSegment(number, length), storedLength });
  }

  /** The size of the pack if the padding has `length` bytes. */
  #totalWith(length: number): number {
    this.#segments.push(paddingSegment(this.#sealer.count, length));
    const record = this.#table(new Uint8Array(32)).length;
    this.#segments.pop();
    return this.#length + length + pieceOverhead + sealedBodyLength(record, 'padme') + trailerSize;
  }

  #verify(number: number, codec: number, stored: Uint8Array, raw: Uint8Array): void {
    let cause: unknown;
    try {
      const opened = this.#opener.open(number, stored);
      const isSame = codec === codecs.zstd ? holds(opened, raw) : equalBytes(opened, raw);
      discardBytes(opened);
      if (isSame) return;
    } catch (error) {
      cause = error;
    }
    throw new AppError('internal', 'A segment does not open to what was put into it', {
      cause,
      hint: 'The memory or the processor of this machine may be faulty; nothing was stored',
    });
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#hash.update(bytes);
    this.#length += bytes.length;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.ceil(needed * 1.25));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

let unpacked = new Uint8Array(0);

/** Whether a frame opens to these bytes. */
function holds(frame: Uint8Array, raw: Uint8Array): boolean {
  if (unpacked.length < raw.length) unpacked = new Uint8Array(raw.length);
  const out = unpacked.subarray(0, raw.length);
  // Nothing of the segment before may pass for what this one holds.
  out.fill(0);
  zstd().decompressInto(out, frame);
  return equalBytes(out, raw);
}

function paddingSegment(number: number, length: number): TableSegment {
  return {
    slot: 0,
    number,
    storedLength: length + pieceOverhead,
    rawLength: length,
    codec: codecs.stored,
    blobs: [],
  };
}

/** Table and trailer of a pack whose table begins at `offset`. */
export function sealTail(
  context: Pick<PackContext, 'indexKey' | 'repositoryId' | 'random' | 'signer'>,
  headHash: Uint8Array,
  table: Uint8Array,
  offset: number,
): { tableBytes: Uint8Array; trailer: Uint8Array } {
  const salt = context.random(32);
  const { key, commitment } = deriveSealKey(context.indexKey, salt, 'pack', context.repositoryId);
  const sealer = new PieceSealer(key, tailAssociatedData(salt, commitment));
  const pointer = new ByteWriter(12)
    .u64(offset)
    .u32(sealedBodyLength(table.length, 'padme'))
    .take();
  const sealedPointer = sealer.seal(pointer);
  const tableBytes = sealBody(sealer, table, 'padme');
  const signature = context.signer.sign(packMessage(context.repositoryId, headHash, table));
  const trailer = Buffer.concat([salt, commitment, sealedPointer, signature]);
  return { tableBytes, trailer };
}

/** Associated data of a pack's tail: what is the same for all packs, so that the tail opens without the head. */
export function tailAssociatedData(salt: Uint8Array, commitment: Uint8Array): Uint8Array {
  return sha256(encodeHeader('pack').subarray(0, headerSize - 1), salt, commitment);
}

/** What the signer of a pack signs. */
export function packMessage(
  repositoryId: Uint8Array,
  headHash: Uint8Array,
  table: Uint8Array,
): Uint8Array {
  return Buffer.concat([
    parts('holdfast/1', 'signed', 'pack'),
    repositoryId,
    new Uint8Array(16),
    sha256(headHash, sha256(table)),
  ]);
}
