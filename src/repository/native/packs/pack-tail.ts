import { timingSafeEqual } from 'node:crypto';

import { equalBytes, toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { ByteReader, MalformedError } from '../../../codec/binary/byte-reader.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { decodeHeader, headerSize } from '../../../codec/encryption/object-header.ts';
import { openBody } from '../../../codec/encryption/padded-plaintext.ts';
import { PieceOpener } from '../../../codec/encryption/piece-cipher.ts';
import { deriveSealKey } from '../../../codec/encryption/sealed-object.ts';
import { isValidSignature, signatureSize } from '../../../codec/encryption/signature.ts';
import { slotSize } from '../../../codec/encryption/slot.ts';
import type { Storage } from '../../../storage/storage.ts';
import { packName } from '../objects/object-name.ts';
import { UnknownSignerError, type KnownSigner } from '../objects/signed-body.ts';
import { damagedObject, type Verifying } from '../objects/signed-object.ts';
import { packMessage, tailAssociatedData, trailerSize } from './pack-builder.ts';
import { decodePackTable, type PackTable } from './pack-table.ts';

/** How much of a pack's end is read first: enough for the table of an ordinary pack of large files. */
const FIRST_READ = 8 * 1024;

/** A pack's own signed table: who claimed what. That the segments are the claimed ones only reading them shows. */
export interface PackTail {
  readonly table: PackTable;
  /** The table without extensions, as index objects hold it. */
  readonly record: Uint8Array;
  readonly signer: KnownSigner;
  /** Where the table begins: the end of the segments. */
  readonly tableOffset: number;
}

/** The table of a pack that is wholly in memory. Throws a `MalformedError`. */
export function openPackTail(bytes: Uint8Array, verifying: Verifying): PackTail {
  return openTail(bytes, bytes.length, verifying);
}

/**
 * Reads the table of a pack from the end of the object, and with `withHead` its header and slots, which the table must name. Throws an `AppError`:
 * `repository/damaged` if it is not a pack that a known host signed, and what the storage throws.
 */
export async function readPackTail(
  storage: Storage,
  name: string,
  size: number,
  verifying: Verifying,
  { withHead = false, signal }: CallOptions & { readonly withHead?: boolean } = {},
): Promise<PackTail> {
  const object = packName(name);
  const read = (offset: number, length: number): Promise<Uint8Array> =>
    storage.read(object, { range: { offset, length }, signal });
  try {
    if (size < headerSize + slotSize + trailerSize) throw new MalformedError('Cut off');
    let tail = await read(size - Math.min(size, FIRST_READ), Math.min(size, FIRST_READ));
    const { tableOffset } = openPointer(tail, size, verifying);
    if (size - tableOffset > tail.length) tail = await read(tableOffset, size - tableOffset);
    const opened = openTail(tail, size, verifying);
    if (withHead) {
      const length = headerSize + decodeHeader(await read(0, headerSize), 'pack') * slotSize;
      if (length > tableOffset) throw new MalformedError('More slots than there is room for');
      const head = await read(0, length);
      if (!equalBytes(sha256(head), opened.table.headHash)) {
        throw new MalformedError('Header and slots are not those that were signed');
      }
    }
    return opened;
  } catch (cause) {
    if (cause instanceof MalformedError) throw damagedObject(object, cause);
    throw cause;
  }
}

/** Checks that the segments of a table fill exactly what lies between the slots and the table, and gives where each begins. */
export function segmentOffsets(table: PackTable, slots: number, tableOffset: number): number[] {
  let offset = headerSize + slots * slotSize;
  const offsets = table.segments.map((segment) => {
    const start = offset;
    if (segment.slot >= slots) throw new MalformedError('A segment names a slot that is not there');
    offset += segment.storedLength;
    return start;
  });
  if (offset !== tableOffset) throw new MalformedError('Segments and table do not fit together');
  return offsets;
}

function openPointer(
  tail: Uint8Array,
  size: number,
  { keys }: Verifying,
): { opener: PieceOpener; tableOffset: number; tableLength: number; signature: Uint8Array } {
  const reader = new ByteReader(tail.subarray(tail.length - trailerSize));
  const salt = reader.raw(32);
  const stored = reader.raw(32);
  const { key, commitment } = deriveSealKey(keys.indexKey, salt, 'pack', keys.repositoryId);
  if (!timingSafeEqual(commitment, stored)) {
    throw new MalformedError('Sealed under another key or damaged');
  }
  const opener = new PieceOpener(key, tailAssociatedData(salt, commitment));
  const pointer = new ByteReader(opener.open(0, reader.raw(28)));
  const tableOffset = pointer.u64();
  const tableLength = pointer.u32();
  if (tableOffset + tableLength + trailerSize !== size || tableOffset < headerSize + slotSize) {
    throw new MalformedError('The trailer points elsewhere');
  }
  return { opener, tableOffset, tableLength, signature: reader.raw(signatureSize) };
}

function openTail(tail: Uint8Array, size: number, verifying: Verifying): PackTail {
  const { opener, tableOffset, tableLength, signature } = openPointer(tail, size, verifying);
  const from = tail.length - trailerSize - tableLength;
  const record = openBody(opener, tail.subarray(from, from + tableLength), 1);
  const table = decodePackTable(record);
  const signer = verifying.findSigner(toHex(table.signer));
  if (signer === undefined) {
    throw new UnknownSignerError(toHex(table.signer));
  }
  const message = packMessage(verifying.keys.repositoryId, table.headHash, record);
  if (!isValidSignature(signer.publicKey, message, signature)) {
    throw new MalformedError('The signature is wrong');
  }
  return { table, record, signer, tableOffset };
}
