import { concatBytes, fromHex, toHex } from '../../../base/bytes.ts';
import type { RandomBytes } from '../../../base/random.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { RecordReader, RecordWriter } from '../../../codec/binary/record.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { decodeHeader, encodeHeader, headerSize } from '../../../codec/encryption/object-header.ts';
import { openBody, sealBody } from '../../../codec/encryption/padded-plaintext.ts';
import { PieceOpener, PieceSealer } from '../../../codec/encryption/piece-cipher.ts';
import {
  createSlot,
  openSlot,
  slotSize,
  type CreatedSlot,
} from '../../../codec/encryption/slot.ts';
import type { XWingSecret } from '../../../codec/encryption/x-wing.ts';
import { idField } from './field-values.ts';
import { finalName } from './object-name.ts';
import {
  decodeSignedBody,
  encodeSignedBody,
  type FindSigner,
  type ObjectSigner,
} from './signed-body.ts';
import { decodeNamed, type NamedObject, type Signed } from './signed-object.ts';
import { decodeStatistics, encodeStatistics, type FinalStatistics } from './final-statistics.ts';

/** Where the content came from. */
export type SourceKind = 'files' | 'command' | 'standard-input';

/** A snapshot (docs/formats/native.md, section 11). It counts once a seal commits it. */
export interface Final {
  /** Of the snapshot, 32 hexadecimal digits. */
  readonly id: string;
  /** A tree entry of type directory with the name ".". */
  readonly root: Uint8Array;
  /** Milliseconds since 1970. */
  readonly started: number;
  readonly ended: number | undefined;
  readonly hostName: string | undefined;
  readonly userName: string | undefined;
  /** The sources as given, absolute. */
  readonly paths: readonly Uint8Array[];
  readonly tags: readonly string[];
  readonly runId: string;
  readonly statistics: FinalStatistics | undefined;
  /** Program and version that made it. */
  readonly program: string | undefined;
  /** The directory that all sources lie in, if there are several. */
  readonly commonParent: Uint8Array | undefined;
  readonly sourceKind: SourceKind;
  /** The snapshot that this one is a copy of; missing where it is none. */
  readonly origin?: SnapshotOrigin | undefined;
}

/** A snapshot of another repository; ids in hexadecimal. */
export interface SnapshotOrigin {
  readonly repositoryId: string;
  readonly snapshotId: string;
}

/** What it takes to publish a final: no private key. */
export interface FinalSigning {
  readonly repositoryId: Uint8Array;
  readonly metaPublic: Uint8Array;
  readonly signer: ObjectSigner;
  readonly random: RandomBytes;
}

export interface FinalVerifying {
  readonly repositoryId: Uint8Array;
  readonly metaSecret: XWingSecret;
  readonly findSigner: FindSigner;
}

const knownTags = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13] as const;
const sourceKinds: readonly SourceKind[] = ['files', 'command', 'standard-input'];
const padding = 1024;

export function encodeFinal(final: Final, signing: FinalSigning): NamedObject {
  const { metaPublic, repositoryId, random } = signing;
  return encodeFinalWithSlot(
    final,
    createSlot(metaPublic, 'final', repositoryId, random),
    repositoryId,
    signing.signer,
  );
}

/** The same with a given slot, which must be fresh: for test vectors. */
export function encodeFinalWithSlot(
  final: Final,
  { slot, key }: CreatedSlot,
  repositoryId: Uint8Array,
  signer: ObjectSigner,
): NamedObject {
  const context = { type: 'final', repositoryId, objectId: final.id } as const;
  const body = encodeSignedBody(encodeRecord(final), context, signer);
  const head = concatBytes(encodeHeader('final'), slot);
  const sealed = sealBody(new PieceSealer(key, sha256(head)), body, padding);
  return { name: finalName(final.id), bytes: concatBytes(head, sealed) };
}

/** Throws an `AppError` (`repository/damaged`) unless a known host signed exactly these bytes under this name. */
export function decodeFinal(
  name: string,
  bytes: Uint8Array,
  { repositoryId, metaSecret, findSigner }: FinalVerifying,
): Signed<Final> {
  return decodeNamed(name, 'final', ({ id }) => {
    if (decodeHeader(bytes, 'final') !== 0) {
      throw new MalformedError('Header has a wrong last byte');
    }
    const head = bytes.subarray(0, headerSize + slotSize);
    const key = openSlot(metaSecret, head.subarray(headerSize), 'final', repositoryId);
    const body = openBody(new PieceOpener(key, sha256(head)), bytes.subarray(head.length));
    const context = { type: 'final', repositoryId, objectId: id } as const;
    const { record, signer } = decodeSignedBody(body, context, findSigner);
    return { value: decodeRecord(id, record), signer };
  });
}

function encodeRecord(final: Final): Uint8Array {
  const kind = sourceKinds.indexOf(final.sourceKind) + 1;
  return new RecordWriter()
    .field(1, final.root)
    .signed(2, final.started)
    .signed(3, final.ended)
    .text(4, final.hostName)
    .text(5, final.userName)
    .fields(6, final.paths)
    .texts(7, final.tags)
    .field(8, fromHex(final.runId))
    .field(9, final.statistics === undefined ? undefined : encodeStatistics(final.statistics))
    .text(10, final.program)
    .field(11, final.commonParent)
    .number(12, kind === 1 ? undefined : kind)
    .field(13, final.origin && encodeOrigin(final.origin))
    .take();
}

function decodeRecord(id: string, record: Uint8Array): Final {
  const reader = new RecordReader(record, knownTags);
  const sourceKind = sourceKinds[(reader.optionalNumber(12) ?? 1) - 1];
  if (sourceKind === undefined) throw new MalformedError('Kind of source is not known');
  const statistics = reader.optional(9);
  const origin = reader.optional(13);
  return {
    id,
    root: reader.required(1),
    started: reader.signed(2),
    ended: reader.optionalSigned(3),
    hostName: reader.optionalText(4),
    userName: reader.optionalText(5),
    paths: reader.all(6),
    tags: reader.texts(7),
    runId: idField(reader, 8),
    statistics: statistics === undefined ? undefined : decodeStatistics(statistics),
    program: reader.optionalText(10),
    commonParent: reader.optional(11),
    sourceKind,
    ...(origin !== undefined && { origin: decodeOrigin(origin) }),
  };
}

function encodeOrigin({ repositoryId, snapshotId }: SnapshotOrigin): Uint8Array {
  return concatBytes(fromHex(repositoryId), fromHex(snapshotId));
}

function decodeOrigin(bytes: Uint8Array): SnapshotOrigin {
  if (bytes.length !== 32) throw new MalformedError('Origin has a wrong length');
  return {
    repositoryId: toHex(bytes.subarray(0, 16)),
    snapshotId: toHex(bytes.subarray(16)),
  };
}
