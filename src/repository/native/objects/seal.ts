import { fromHex } from '../../../base/bytes.ts';
import { ByteReader, MalformedError } from '../../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import { RecordReader, RecordWriter } from '../../../codec/binary/record.ts';
import { hashField, idField, requireId } from './field-values.ts';
import { sealName } from './object-name.ts';
import { describeSigner, type KnownSigner } from './signed-body.ts';
import {
  decodeNamed,
  openSigned,
  sealSigned,
  type NamedObject,
  type Signed,
  type Signing,
  type Verifying,
} from './signed-object.ts';

/** The commit of a snapshot (docs/formats/native.md, section 12). Ids and hashes are in hexadecimal. */
export interface Seal {
  readonly snapshotId: string;
  /** SHA-256 of the final's bytes. */
  readonly finalHash: string;
  readonly runId: string;
  /** Who sealed, which is who signed. */
  readonly hostId: string;
  /** From 1, without gaps. */
  readonly sequence: number;
  /** SHA-256 of the host's previous seal object; zeros for the first. */
  readonly previousSeal: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly sourceBytes: number | undefined;
  readonly storedBytes: number | undefined;
  readonly entries: number | undefined;
  /** Number of the newest settings the host knew. */
  readonly settingsNumber: number | undefined;
  /** Sequence numbers of this host that came to nothing. */
  readonly voided: readonly number[];
}

/** What the first seal of a host has for `previousSeal`. */
export const noPreviousSeal = '0'.repeat(64);

const tags = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] as const;

/** `seal.hostId` must be the signer's id. */
export function encodeSeal(seal: Seal, signing: Signing): NamedObject {
  const record = new RecordWriter()
    .field(1, fromHex(seal.snapshotId))
    .field(2, fromHex(seal.finalHash))
    .field(3, fromHex(seal.runId))
    .field(4, fromHex(seal.hostId))
    .number(5, seal.sequence)
    .field(6, fromHex(seal.previousSeal))
    .signed(7, seal.time)
    .number(8, seal.sourceBytes)
    .number(9, seal.storedBytes)
    .number(10, seal.entries)
    .number(11, seal.settingsNumber)
    .fields(
      12,
      seal.voided.map((number) => new ByteWriter(9).varint(number).take()),
    )
    .take();
  return {
    name: sealName(seal.snapshotId),
    bytes: sealSigned('seal', seal.snapshotId, record, signing),
  };
}

/**
 * Throws an `AppError` (`repository/damaged`) unless the host that the seal names signed exactly these bytes for this snapshot, with a
 * sequence number that counts. Whether the final was signed by the same host is for the caller to compare (`sealMatches`).
 */
export function decodeSeal(name: string, bytes: Uint8Array, verifying: Verifying): Signed<Seal> {
  return decodeNamed(name, 'seal', ({ id }) => {
    const { record, signer } = openSigned('seal', id, bytes, verifying);
    const reader = new RecordReader(record, tags);
    requireId(reader, 1, id);
    const value: Seal = {
      snapshotId: id,
      finalHash: hashField(reader, 2),
      runId: idField(reader, 3),
      hostId: idField(reader, 4),
      sequence: reader.number(5),
      previousSeal: hashField(reader, 6),
      time: reader.signed(7),
      sourceBytes: reader.optionalNumber(8),
      storedBytes: reader.optionalNumber(9),
      entries: reader.optionalNumber(10),
      settingsNumber: reader.optionalNumber(11),
      voided: reader.all(12).map(wholeNumber),
    };
    if (value.hostId !== signer.id) {
      throw new MalformedError(`Signed by ${describeSigner(signer)} for another host`);
    }
    if (value.sequence < 1) throw new MalformedError('Sequence numbers begin at 1');
    requireCounting(value, signer);
    return { value, signer };
  });
}

/** Whether the seal commits a final with this hash and signer: its own host's, or any if an owner or janitor adopted it. */
export function sealMatches(
  { value, signer }: Signed<Seal>,
  finalHash: string,
  finalSigner: string,
): boolean {
  if (value.finalHash !== finalHash) return false;
  return signer.id === finalSigner || signer.role === 'owner' || signer.role === 'janitor';
}

function requireCounting({ sequence }: Seal, signer: KnownSigner): void {
  if (signer.state === 'revoked' && sequence > (signer.revokedAfter ?? 0)) {
    throw new MalformedError(`Sealed by ${describeSigner(signer)} after it was revoked`);
  }
}

function wholeNumber(bytes: Uint8Array): number {
  const reader = new ByteReader(bytes);
  const number = reader.varint();
  reader.end();
  return number;
}
