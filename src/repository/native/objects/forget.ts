import { fromHex, toHex } from '../../../base/bytes.ts';
import { ByteReader } from '../../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import { RecordReader, RecordWriter } from '../../../codec/binary/record.ts';
import { fromHexes, hashSize, hexFields, idSize } from './field-values.ts';
import { forgetName } from './object-name.ts';
import {
  decodeNamed,
  openSigned,
  requireRole,
  sealSigned,
  type NamedObject,
  type Signed,
  type Signing,
  type Verifying,
} from './signed-object.ts';

/** One snapshot that was taken away on purpose. */
export interface ForgottenSnapshot {
  readonly snapshotId: string;
  /** Who had sealed it, with which sequence number; zeros where there was no seal. */
  readonly hostId: string;
  readonly sequence: number;
  /** SHA-256 of the seal object; zeros where there was none. */
  readonly sealHash: string;
}

/** Snapshots taken away on purpose, so that their absence is no alarm and their return is ignored (docs/formats/native.md, section 13). */
export interface Forget {
  readonly id: string;
  readonly snapshots: readonly ForgottenSnapshot[];
  /** Milliseconds since 1970. */
  readonly time: number | undefined;
  /** Forget records that this one repeats, so that they can go. */
  readonly merged: readonly string[];
}

const tags = [1, 2, 3] as const;

export function encodeForget(forget: Forget, signing: Signing): NamedObject {
  const record = new RecordWriter()
    .fields(1, forget.snapshots.map(encodeSnapshot))
    .number(2, forget.time)
    .fields(3, fromHexes(forget.merged))
    .take();
  return { name: forgetName(forget.id), bytes: sealSigned('forget', forget.id, record, signing) };
}

/** Throws an `AppError` (`repository/damaged`) unless an owner or janitor signed exactly these bytes under this name. */
export function decodeForget(
  name: string,
  bytes: Uint8Array,
  verifying: Verifying,
): Signed<Forget> {
  return decodeNamed(name, 'forget', ({ id }) => {
    const { record, signer } = openSigned('forget', id, bytes, verifying);
    requireRole(signer, 'owner', 'janitor');
    const reader = new RecordReader(record, tags);
    const value: Forget = {
      id,
      snapshots: reader.all(1).map(decodeSnapshot),
      time: reader.optionalNumber(2),
      merged: hexFields(reader, 3, idSize),
    };
    return { value, signer };
  });
}

function encodeSnapshot(snapshot: ForgottenSnapshot): Uint8Array {
  return new ByteWriter(80)
    .raw(fromHex(snapshot.snapshotId))
    .raw(fromHex(snapshot.hostId))
    .varint(snapshot.sequence)
    .raw(fromHex(snapshot.sealHash))
    .take();
}

function decodeSnapshot(bytes: Uint8Array): ForgottenSnapshot {
  const reader = new ByteReader(bytes);
  const snapshot: ForgottenSnapshot = {
    snapshotId: toHex(reader.raw(idSize)),
    hostId: toHex(reader.raw(idSize)),
    sequence: reader.varint(),
    sealHash: toHex(reader.raw(hashSize)),
  };
  reader.end();
  return snapshot;
}
