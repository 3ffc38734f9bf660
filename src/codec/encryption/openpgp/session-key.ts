import { concatBytes } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { damagedMessage, unsupportedMessage } from './message-error.ts';
import { packetTag } from './packet-tag.ts';
import {
  codedHighestCount,
  countOf,
  parseStringToKey,
  type PassphraseKeys,
  sha1Hash,
  type StringToKey,
} from './string-to-key.ts';
import {
  aes256,
  cipherOf,
  decryptWith,
  findCipher,
  type SymmetricCipher,
} from './symmetric-cipher.ts';

/** A key the data of a message may be encrypted with. */
export interface SessionKey {
  readonly cipher: SymmetricCipher;
  readonly key: Uint8Array;
}

/** A symmetric-key encrypted session key packet, version 4 (RFC 4880, 5.3). */
export interface PassphrasePacket {
  readonly cipher: SymmetricCipher;
  readonly stringToKey: StringToKey;
  /** The session key under the key of the passphrase; without it the latter is the session key. */
  readonly encryptedKey: Uint8Array | undefined;
}

/** Throws `repository/damaged` or `repository/unsupported`. */
export function parsePassphrasePacket(body: Uint8Array): PassphrasePacket {
  const [version, algorithm] = body;
  if (version === undefined || algorithm === undefined) {
    throw damagedMessage('has a key that is cut off');
  }
  if (version !== 4) throw unsupportedMessage(`has a key of version ${version}`);
  const { stringToKey, length } = parseStringToKey(body.subarray(2));
  const rest = body.slice(2 + length);
  return {
    cipher: cipherOf(algorithm),
    stringToKey,
    encryptedKey: rest.length === 0 ? undefined : rest,
  };
}

/** What the passphrase makes of the packet; `undefined` if that is no key, so that it is another passphrase's. */
export async function openPassphrasePacket(
  { cipher, stringToKey, encryptedKey }: PassphrasePacket,
  passphrase: PassphraseKeys,
  options: CallOptions,
): Promise<SessionKey | undefined> {
  const key = await passphrase.derive(stringToKey, cipher.keyLength, options);
  if (encryptedKey === undefined) return { cipher, key };
  const [algorithm = 0, ...sessionKey] = decryptWith(cipher, key).update(encryptedKey);
  const inner = findCipher(algorithm);
  return inner === undefined || inner.keyLength !== sessionKey.length
    ? undefined
    : { cipher: inner, key: Uint8Array.from(sessionKey) };
}

/** The packet that gpg 2.2 writes for a passphrase (docs/formats/duplicity.md 11.1), and the key: AES-256, SHA-1, `salt` of 8 bytes. */
export async function newPassphrasePacket(
  salt: Uint8Array,
  passphrase: PassphraseKeys,
  options: CallOptions,
): Promise<SessionKey & { readonly packet: Uint8Array }> {
  const body = concatBytes(
    Uint8Array.of(4, aes256, 3, sha1Hash),
    salt,
    Uint8Array.of(codedHighestCount),
  );
  const cipher = cipherOf(aes256);
  const stringToKey = { hash: sha1Hash, salt, count: countOf(codedHighestCount) };
  const key = await passphrase.derive(stringToKey, cipher.keyLength, options);
  // An old header (RFC 4880, 4.2.1) with a length of one byte, as gpg writes it.
  const header = Uint8Array.of(0x80 | (packetTag.symmetricKeySessionKey << 2), body.length);
  return { cipher, key, packet: concatBytes(header, body) };
}
