import { concatBytes, toHex } from '../../../base/bytes.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { encodeHeader, headerSize } from '../../../codec/encryption/object-header.ts';
import { sealedBodyLength } from '../../../codec/encryption/padded-plaintext.ts';
import { pieceOverhead, PieceSealer } from '../../../codec/encryption/piece-cipher.ts';
import { createSlot, slotSize } from '../../../codec/encryption/slot.ts';
import { sealTail, trailerSize, type FinishedPack, type PackContext } from './pack-builder.ts';
import { paddingFor } from './pack-padding.ts';
import { codecs, encodePackTable, type PackKind, type TableSegment } from './pack-table.ts';

/** A pack has at most so many slots; one of them is its own, for the padding. */
const MAXIMUM_SLOTS = 255;
const BLOB_ESTIMATE = 37;

/** A slot that is copied, and where its segments come from in the end. */
export interface SlotSource {
  readonly slot: Uint8Array;
  readonly originPack: Uint8Array;
  readonly originSigner: Uint8Array;
}

/**
 * A pack of segments that are copied verbatim with their slots (native.md, section 8.3): no private key is needed, and none of them is opened. The segments are
 * kept until `finish`, because the slots stand before them.
 */
export class TransportPack {
  readonly #context: Omit<PackContext, 'compressionLevel' | 'verify'>;
  readonly #kind: PackKind;
  readonly #slots: SlotSource[] = [];
  readonly #slotNumbers = new Map<string, number>();
  readonly #segments: TableSegment[] = [];
  readonly #stored: Uint8Array[] = [];
  #storedLength = 0;
  #blobs = 0;

  constructor(context: Omit<PackContext, 'compressionLevel' | 'verify'>, kind: PackKind) {
    this.#context = context;
    this.#kind = kind;
  }

  get isEmpty(): boolean {
    return this.#segments.length === 0;
  }

  /** Whether the pack should be finished before another segment of this slot. */
  isFullFor(slot: Uint8Array): boolean {
    const isNew = !this.#slotNumbers.has(toHex(sha256(slot)));
    if (isNew && this.#slots.length + 2 > MAXIMUM_SLOTS) return true;
    const size =
      headerSize +
      (this.#slots.length + 1) * slotSize +
      this.#storedLength +
      this.#blobs * BLOB_ESTIMATE;
    return size >= this.#context.target;
  }

  /** Adds a segment; its bytes are copied. */
  add(source: SlotSource, segment: TableSegment, stored: Uint8Array): void {
    const key = toHex(sha256(source.slot));
    let slot = this.#slotNumbers.get(key);
    if (slot === undefined) {
      slot = this.#slots.length;
      this.#slotNumbers.set(key, slot);
      this.#slots.push(source);
    }
    const { number, storedLength, rawLength, codec, blobs } = segment;
    this.#segments.push({ slot, number, storedLength, rawLength, codec, blobs });
    this.#stored.push(stored.slice());
    this.#storedLength += stored.length;
    this.#blobs += blobs.length;
  }

  /** Adds the own slot with the padding, table and trailer. The builder is used up. */
  finish(): Omit<FinishedPack, 'pack'> {
    const { repositoryId, dataPublic, metaPublic, random } = this.#context;
    const publicKey = this.#kind === 'data' ? dataPublic : metaPublic;
    const { slot, key } = createSlot(publicKey, this.#kind, repositoryId, random);
    const slots = [...this.#slots.map((source) => source.slot), slot];
    const head = concatBytes(encodeHeader('pack', slots.length), ...slots);
    const headHash = sha256(head);
    const padding = new PieceSealer(key, sha256(slot)).seal(
      new Uint8Array(this.#paddingLength(head.length, headHash)),
    );
    const segments = [...this.#segments, this.#paddingSegment(padding.length - pieceOverhead)];
    const body = concatBytes(head, ...this.#stored, padding);
    const table = this.#table(headHash, sha256(body), segments);
    const { tableBytes, trailer } = sealTail(this.#context, headHash, table, body.length);
    const bytes = new Uint8Array(concatBytes(body, tableBytes, trailer));
    return { name: sha256(bytes), bytes, table };
  }

  #paddingLength(headLength: number, headHash: Uint8Array): number {
    return paddingFor((length) => {
      const segments = [...this.#segments, this.#paddingSegment(length)];
      const record = this.#table(headHash, headHash, segments).length;
      const body = headLength + this.#storedLength + length + pieceOverhead;
      return body + sealedBodyLength(record, 'padme') + trailerSize;
    });
  }

  #paddingSegment(length: number): TableSegment {
    const storedLength = length + pieceOverhead;
    const slot = this.#slots.length;
    return { slot, number: 0, storedLength, rawLength: length, codec: codecs.stored, blobs: [] };
  }

  #table(
    headHash: Uint8Array,
    bodyHash: Uint8Array,
    segments: readonly TableSegment[],
  ): Uint8Array {
    return encodePackTable({
      kind: this.#kind,
      signer: this.#context.signerId,
      runId: this.#context.runId,
      headHash,
      bodyHash,
      origins: this.#slots.map(({ originPack, originSigner }, slot) => ({
        slot,
        pack: originPack,
        signer: originSigner,
      })),
      segments,
    });
  }
}
