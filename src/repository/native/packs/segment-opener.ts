import { discardBytes } from '../../../base/discard-bytes.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { zstd } from '../../../codec/compression/zstd.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { PieceOpener } from '../../../codec/encryption/piece-cipher.ts';
import { openSlot } from '../../../codec/encryption/slot.ts';
import type { XWingSecret } from '../../../codec/encryption/x-wing.ts';
import { codecs, type PackKind, type TableSegment } from './pack-table.ts';

/** Opens the segments that one slot of a pack covers. The bytes are authentic then, but that they are the claimed blobs only their ids show. */
export class SegmentOpener {
  readonly #opener: PieceOpener;

  /** Throws a `MalformedError` if the slot does not open. */
  constructor(secret: XWingSecret, slot: Uint8Array, kind: PackKind, repositoryId: Uint8Array) {
    this.#opener = new PieceOpener(openSlot(secret, slot, kind, repositoryId), sha256(slot));
  }

  /** The raw bytes of a segment. Throws a `MalformedError`. */
  open(
    segment: Pick<TableSegment, 'number' | 'rawLength' | 'codec'>,
    stored: Uint8Array,
  ): Uint8Array {
    const plaintext = this.#opener.open(segment.number, stored);
    if (segment.codec === codecs.stored) {
      if (plaintext.length !== segment.rawLength)
        throw new MalformedError('Segment has a wrong length');
      return plaintext;
    }
    if (segment.codec !== codecs.zstd) throw new MalformedError('Segment needs a newer program');
    try {
      const raw = new Uint8Array(segment.rawLength);
      zstd().decompressInto(raw, plaintext);
      return raw;
    } catch (cause) {
      throw new MalformedError('Segment does not decompress', { cause });
    } finally {
      discardBytes(plaintext);
    }
  }
}
