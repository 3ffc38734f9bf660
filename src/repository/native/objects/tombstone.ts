import { RecordReader, RecordWriter } from '../../../codec/binary/record.ts';
import { fromHexes, hashSize, hexFields, idSize } from './field-values.ts';
import { tombstoneName } from './object-name.ts';
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

/** What one collector means to delete (docs/formats/native.md, section 13). */
export interface Tombstone {
  readonly runId: string;
  /** Hashes of packs, in hexadecimal. */
  readonly packs: readonly string[];
  readonly snapshots: readonly string[];
  /** Milliseconds since 1970. */
  readonly time: number | undefined;
}

const tags = [1, 2, 3] as const;

export function encodeTombstone(tombstone: Tombstone, signing: Signing): NamedObject {
  const record = new RecordWriter()
    .fields(1, fromHexes(tombstone.packs))
    .fields(2, fromHexes(tombstone.snapshots))
    .number(3, tombstone.time)
    .take();
  return {
    name: tombstoneName(tombstone.runId),
    bytes: sealSigned('tombstone', tombstone.runId, record, signing),
  };
}

/** Throws an `AppError` (`repository/damaged`) unless an owner or janitor signed exactly these bytes under this name. */
export function decodeTombstone(
  name: string,
  bytes: Uint8Array,
  verifying: Verifying,
): Signed<Tombstone> {
  return decodeNamed(name, 'tombstone', ({ runId }) => {
    const { record, signer } = openSigned('tombstone', runId, bytes, verifying);
    requireRole(signer, 'owner', 'janitor');
    const reader = new RecordReader(record, tags);
    const value: Tombstone = {
      runId,
      packs: hexFields(reader, 1, hashSize),
      snapshots: hexFields(reader, 2, idSize),
      time: reader.optionalNumber(3),
    };
    return { value, signer };
  });
}
