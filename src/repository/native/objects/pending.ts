import { fromHex } from '../../../base/bytes.ts';
import { RecordReader, RecordWriter } from '../../../codec/binary/record.ts';
import { idField, requireId, requireNumber } from './field-values.ts';
import { pendingName } from './object-name.ts';
import {
  decodeNamed,
  openSigned,
  sealSigned,
  type NamedObject,
  type Signed,
  type Signing,
  type Verifying,
} from './signed-object.ts';

/** A run is alive, and its packs are to be spared (docs/formats/native.md, section 13). */
export interface Pending {
  readonly runId: string;
  readonly number: number;
  readonly hostId: string;
  /** Milliseconds since 1970. */
  readonly time: number | undefined;
}

const tags = [1, 2, 3, 4] as const;

export function encodePending(pending: Pending, signing: Signing): NamedObject {
  const record = new RecordWriter()
    .field(1, fromHex(pending.runId))
    .field(2, fromHex(pending.hostId))
    .number(3, pending.time)
    .number(4, pending.number)
    .take();
  return {
    name: pendingName(pending.runId, pending.number),
    bytes: sealSigned('pending', pending.runId, record, signing),
  };
}

/** Throws an `AppError` (`repository/damaged`) unless a known host signed exactly these bytes under this name. */
export function decodePending(
  name: string,
  bytes: Uint8Array,
  verifying: Verifying,
): Signed<Pending> {
  return decodeNamed(name, 'pending', ({ runId, number }) => {
    const { record, signer } = openSigned('pending', runId, bytes, verifying);
    const reader = new RecordReader(record, tags);
    requireId(reader, 1, runId);
    requireNumber(reader, 4, number);
    const value: Pending = {
      runId,
      number,
      hostId: idField(reader, 2),
      time: reader.optionalNumber(3),
    };
    return { value, signer };
  });
}
