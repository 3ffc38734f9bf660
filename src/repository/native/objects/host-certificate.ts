import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { RecordReader, RecordWriter } from '../../../codec/binary/record.ts';
import { roleNumber, roleOfNumber, type Role } from '../keys/role.ts';
import { requireNumber } from './field-values.ts';
import { hostName } from './object-name.ts';
import type { SignerState } from './signed-body.ts';
import {
  decodeNamed,
  openSigned,
  requireOwnerKey,
  sealSigned,
  type NamedObject,
  type Signed,
  type Signing,
  type Verifying,
} from './signed-object.ts';

/** Says which machine holds a signing key, and what it may do (docs/formats/native.md, section 10). */
export interface HostCertificate {
  /** Of the host, 32 hexadecimal digits. */
  readonly id: string;
  /** Of the certificate: the largest counts. */
  readonly number: number;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** For people. */
  readonly name: string;
  readonly role: Role;
  readonly state: SignerState;
  /** The last sequence number of its seals that counts, if it is revoked. */
  readonly revokedAfter: number | undefined;
  /** Milliseconds since 1970. */
  readonly created: number | undefined;
}

const tags = [1, 2, 3, 4, 5, 6, 7] as const;
const states: readonly SignerState[] = ['active', 'retired', 'revoked'];

/**
 * The number under which the same is said a second time: an odd one and the even one after it are a pair, so that no single object is all that
 * the signatures of a host can be verified by.
 */
export function twinNumber(number: number): number {
  return number % 2 === 1 ? number + 1 : number - 1;
}

/** The first number of the pair after the one that `largest` belongs to. */
export function nextPair(largest: number): number {
  return largest % 2 === 0 ? largest + 1 : largest + 2;
}

/** `signing.signer` must be the owner key. */
export function encodeHostCertificate(host: HostCertificate, signing: Signing): NamedObject {
  const record = new RecordWriter()
    .field(1, host.publicKey)
    .text(2, host.name)
    .number(3, roleNumber(host.role))
    .number(4, states.indexOf(host.state) + 1)
    .number(5, host.revokedAfter)
    .number(6, host.created)
    .number(7, host.number)
    .take();
  return {
    name: hostName(host.id, host.number),
    bytes: sealSigned('host', host.id, record, signing),
  };
}

/** Throws an `AppError` (`repository/damaged`) unless the owner key signed exactly these bytes under this name. */
export function decodeHostCertificate(
  name: string,
  bytes: Uint8Array,
  verifying: Verifying,
): Signed<HostCertificate> {
  return decodeNamed(name, 'host', ({ id, number }) => {
    const { record, signer } = openSigned('host', id, bytes, verifying);
    requireOwnerKey(signer);
    const reader = new RecordReader(record, tags);
    requireNumber(reader, 7, number);
    const state = states[reader.number(4) - 1];
    if (state === undefined) throw new MalformedError('State of the host is not known');
    const value: HostCertificate = {
      id,
      number,
      publicKey: Uint8Array.from(reader.exact(1, 32)),
      name: reader.text(2),
      role: roleOfNumber(reader.number(3)),
      state,
      revokedAfter: reader.optionalNumber(5),
      created: reader.optionalNumber(6),
    };
    return { value, signer };
  });
}
