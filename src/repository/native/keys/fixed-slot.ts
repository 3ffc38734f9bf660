import { ByteReader, MalformedError } from '../../../codec/binary/byte-reader.ts';
import { decodePayload, encodePayload, type SlotPayload } from './slot-payload.ts';

/** Passphrase and open slots have this size, so that neither tells what it holds. */
export const fixedSlotSize = 512;

/** `u16 n ‖ payload ‖ zeros` to `size` bytes. */
export function encodeFixedPayload(payload: SlotPayload, size: number): Uint8Array {
  const bytes = encodePayload(payload);
  if (bytes.length + 2 > size) throw new RangeError('Payload too large for its slot');
  const plaintext = new Uint8Array(size);
  new DataView(plaintext.buffer).setUint16(0, bytes.length, true);
  plaintext.set(bytes, 2);
  return plaintext;
}

/** Throws a `MalformedError` for what is not one. */
export function decodeFixedPayload(plaintext: Uint8Array): SlotPayload {
  const reader = new ByteReader(plaintext);
  const payload = reader.raw(reader.u16());
  if (reader.raw(reader.remaining).some((byte) => byte !== 0)) {
    throw new MalformedError('Padding is not zero');
  }
  return decodePayload(payload);
}
