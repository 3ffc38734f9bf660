import { fromHex, toHex } from '../../../base/bytes.ts';
import { ByteReader, MalformedError } from '../../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import { RecordReader, RecordWriter } from '../../../codec/binary/record.ts';
import { hashSize } from './field-values.ts';
import { auditName } from './object-name.ts';
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

/** What somebody found who opened a pack and computed every id in it. */
export interface Verdict {
  /** SHA-256 of the pack, in hexadecimal. */
  readonly pack: string;
  /** SHA-256 of its table record, in hexadecimal: a verdict holds for this table only. */
  readonly table: string;
  readonly good: boolean;
}

/** Signed verdicts about packs (docs/formats/native.md, section 13). */
export interface Audit {
  readonly id: string;
  readonly verdicts: readonly Verdict[];
  /** Milliseconds since 1970. */
  readonly time: number | undefined;
}

const tags = [1, 2] as const;

export function encodeAudit(audit: Audit, signing: Signing): NamedObject {
  const record = new RecordWriter()
    .fields(1, audit.verdicts.map(encodeVerdict))
    .number(2, audit.time)
    .take();
  return { name: auditName(audit.id), bytes: sealSigned('audit', audit.id, record, signing) };
}

/** Throws an `AppError` (`repository/damaged`) unless an owner or reader signed exactly these bytes under this name. */
export function decodeAudit(name: string, bytes: Uint8Array, verifying: Verifying): Signed<Audit> {
  return decodeNamed(name, 'audit', ({ id }) => {
    const { record, signer } = openSigned('audit', id, bytes, verifying);
    requireRole(signer, 'owner', 'reader');
    const reader = new RecordReader(record, tags);
    const value: Audit = {
      id,
      verdicts: reader.all(1).map(decodeVerdict),
      time: reader.optionalNumber(2),
    };
    return { value, signer };
  });
}

function encodeVerdict({ pack, table, good }: Verdict): Uint8Array {
  return new ByteWriter(65)
    .raw(fromHex(pack))
    .raw(fromHex(table))
    .u8(good ? 1 : 2)
    .take();
}

function decodeVerdict(bytes: Uint8Array): Verdict {
  const reader = new ByteReader(bytes);
  const pack = toHex(reader.raw(hashSize));
  const table = toHex(reader.raw(hashSize));
  const verdict = reader.u8();
  reader.end();
  if (verdict !== 1 && verdict !== 2) throw new MalformedError('Verdict is not known');
  return { pack, table, good: verdict === 1 };
}
