import { concatBytes, utf8 } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { ByteSource } from './byte-source.ts';
import { Inflation } from './inflation.ts';
import { damagedMessage, unsupportedMessage, wrongPassphrase } from './message-error.ts';
import { type Packet, PacketReader, readWhole } from './packet-reader.ts';
import { packetTag } from './packet-tag.ts';
import type { PieceSource } from './piece-source.ts';
import { prefixFits, prefixLength, ProtectedBody } from './protected-body.ts';
import {
  openPassphrasePacket,
  parsePassphrasePacket,
  type PassphrasePacket,
  type SessionKey,
} from './session-key.ts';
import type { PassphraseKeys } from './string-to-key.ts';

/** A message whose beginning was read: nothing speaks against it so far. `await using` ends its work. */
export interface OpenedMessage extends AsyncDisposable {
  /**
   * The next piece of the data, good until one more is asked for; `undefined` at the end, and only if nothing was changed: what was given before is not
   * known to be right until then. Throws `repository/damaged`.
   */
  read(): Promise<Uint8Array | undefined>;
}

/** More keys than a person has; each may take 50 ms to be tried. */
const mostKeys = 16;
const keyLimit = 1 << 16;
const pieceLimit = 1 << 20;
const armor = utf8('-----BEGIN');

/**
 * Opens an OpenPGP message (RFC 4880, 11.3) with a passphrase: passphrase packets, integrity protected data, compressed by nothing, ZIP or ZLIB,
 * no signature.
 *
 * @throws AppError `repository/wrong-passphrase`; `repository/damaged`; `repository/unsupported` for what gpg may read: only for
 *   public keys, signed, without or with another kind of integrity protection, armoured, BZip2, unknown algorithms
 */
export async function openMessage(
  stored: PieceSource,
  passphrase: PassphraseKeys,
  options: CallOptions,
): Promise<OpenedMessage> {
  const { body, packets, found } = await openProtected(stored, passphrase, options);
  const { stringToKey, encryptedKey } = found;
  // A key that hides another one is not used for data.
  const prove = (): void =>
    encryptedKey === undefined ? passphrase.prove(stringToKey) : undefined;
  return openData(body, packets, prove);
}

/**
 * Decrypts a message to its end without looking at what it holds: that is what was encrypted then.
 *
 * @throws AppError as `openMessage` and what it gives
 */
export async function checkMessage(
  stored: PieceSource,
  passphrase: PassphraseKeys,
  options: CallOptions,
): Promise<void> {
  const { body, packets } = await openProtected(stored, passphrase, options);
  for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
    options.signal?.throwIfAborted();
  }
  await demandEnd(packets);
}

/** The encrypted data, and the packets around them. */
async function openProtected(
  stored: PieceSource,
  passphrase: PassphraseKeys,
  options: CallOptions,
): Promise<{
  readonly body: ProtectedBody;
  readonly packets: PacketReader;
  readonly found: PassphrasePacket;
}> {
  const source = new ByteSource(stored);
  const start = await source.peek();
  if (start === undefined) throw damagedMessage('is empty');
  if (start[0] === armor[0]) throw unsupportedMessage('is armoured');
  const packets = new PacketReader(source);
  const { keys, hasPublicKeys, body } = await readKeys(packets);
  const encrypted = new ByteSource(body);
  const version = await encrypted.readByte();
  if (version !== 1) throw unsupportedMessage(`has data of version ${version}`);
  const found = await findKey(encrypted, keys, passphrase, options);
  if (found === undefined) {
    if (hasPublicKeys) throw unsupportedMessage('is for a secret key, or for another passphrase');
    throw wrongPassphrase();
  }
  const whole = new ByteSource(before(found.prefix, encrypted));
  return { body: new ProtectedBody(whole, found.key), packets, found: found.packet };
}

/** The packets up to the encrypted data. */
async function readKeys(packets: PacketReader): Promise<{
  readonly keys: readonly PassphrasePacket[];
  readonly hasPublicKeys: boolean;
  readonly body: PieceSource;
}> {
  const keys: PassphrasePacket[] = [];
  let unsupported: AppError | undefined;
  let hasPublicKeys = false;
  for (let count = 0; count <= mostKeys; count++) {
    const packet = await packets.next();
    switch (packet?.tag) {
      case undefined:
        throw damagedMessage('is cut off');
      case packetTag.publicKeySessionKey:
        hasPublicKeys = true;
        break;
      case packetTag.symmetricKeySessionKey:
        try {
          keys.push(parsePassphrasePacket(await readWhole(packet.body, keyLimit)));
        } catch (error) {
          if (!(error instanceof AppError) || error.code !== 'repository/unsupported') throw error;
          unsupported = error;
        }
        break;
      case packetTag.protected:
        if (keys.length > 0) return { keys, hasPublicKeys, body: packet.body };
        throw unsupported ?? unsupportedMessage('is not for a passphrase');
      case packetTag.encrypted:
      case packetTag.authenticated:
        throw unsupportedMessage('is protected in a way that only gpg may know');
      case packetTag.compressed:
      case packetTag.literal:
      case packetTag.onePassSignature:
        throw damagedMessage('is not encrypted');
      default:
        throw damagedMessage(
          `holds a packet of the kind ${packet?.tag ?? 0}, which does not belong there`,
        );
    }
  }
  throw unsupportedMessage(`has more than ${mostKeys} keys`);
}

/** Which of the keys opens the data, and the first bytes of these, which it was tried with. */
async function findKey(
  encrypted: ByteSource,
  keys: readonly PassphrasePacket[],
  passphrase: PassphraseKeys,
  options: CallOptions,
): Promise<
  | { readonly key: SessionKey; readonly packet: PassphrasePacket; readonly prefix: Uint8Array }
  | undefined
> {
  let prefix: Uint8Array = new Uint8Array(0);
  for (const packet of keys) {
    const key = await openPassphrasePacket(packet, passphrase, options);
    if (key === undefined) continue;
    const more = prefixLength(key.cipher) - prefix.length;
    if (more > 0) prefix = concatBytes(prefix, await encrypted.readExactly(more));
    if (prefixFits(prefix.subarray(0, prefixLength(key.cipher)), key))
      return { key, packet, prefix };
  }
  return undefined;
}

/** The bytes, then the rest of the source. */
function before(bytes: Uint8Array, rest: ByteSource): PieceSource {
  let isFirst = true;
  return {
    read() {
      if (!isFirst) return rest.readSome(pieceLimit);
      isFirst = false;
      return Promise.resolve(bytes);
    },
  };
}

/** From the first packet inside the encryption to the data. */
async function openData(
  plain: ProtectedBody,
  outside: PacketReader,
  onWhole: () => void,
): Promise<OpenedMessage> {
  const inside = new PacketReader(new ByteSource(plain));
  const first = await firstPacket(inside);
  if (first.tag !== packetTag.compressed) {
    return new OpenedData(await dataOf(first), inside, [outside], onWhole);
  }
  const body = new ByteSource(first.body);
  const inflation = await inflationOf(body);
  try {
    const packets = new PacketReader(inflation === undefined ? body : new ByteSource(inflation));
    return new OpenedData(
      await dataOf(await packets.next()),
      packets,
      [inside, outside],
      onWhole,
      inflation,
    );
  } catch (error) {
    await inflation?.[Symbol.asyncDispose]();
    throw error;
  }
}

/** A packet that cannot be the first shows that the key only seemed to fit, which one wrong one in 65,536 does. */
async function firstPacket(inside: PacketReader): Promise<Packet> {
  const first = await inside.next();
  if (first === undefined) throw damagedMessage('holds nothing');
  const possible: readonly number[] = [
    packetTag.compressed,
    packetTag.literal,
    packetTag.onePassSignature,
    packetTag.signature,
  ];
  if (!possible.includes(first.tag)) throw wrongPassphrase();
  return first;
}

/** RFC 4880, 5.6; `undefined` if the packet holds packets as they are. */
async function inflationOf(body: ByteSource): Promise<Inflation | undefined> {
  const algorithm = await body.readByte();
  if (algorithm === 0) return undefined;
  if (algorithm === 3) throw unsupportedMessage('is compressed by BZip2, which only gpg knows');
  if (algorithm > 3) throw damagedMessage(`is compressed in the unknown way ${algorithm}`);
  const rest = { read: () => body.readSome(pieceLimit) };
  return new Inflation(rest, algorithm === 1 ? 'zip' : 'zlib');
}

/** What a literal packet holds (RFC 4880, 5.9); its kind, name and date do not matter. */
async function dataOf(packet: Packet | undefined): Promise<ByteSource> {
  if (packet === undefined) throw damagedMessage('holds no data');
  if (packet.tag === packetTag.signature || packet.tag === packetTag.onePassSignature) {
    throw unsupportedMessage('is signed, which only gpg can verify');
  }
  if (packet.tag !== packetTag.literal) throw damagedMessage('holds something else than data');
  const source = new ByteSource(packet.body);
  await source.readByte();
  await source.readExactly(await source.readByte());
  await source.readExactly(4);
  return source;
}

class OpenedData implements OpenedMessage {
  readonly #data: ByteSource;
  /** Nothing may follow in any of these, from the innermost to the outermost; the encrypted one checks itself at its end. */
  readonly #packets: PacketReader;
  readonly #around: readonly PacketReader[];
  readonly #onWhole: () => void;
  readonly #inflation: Inflation | undefined;

  constructor(
    data: ByteSource,
    packets: PacketReader,
    around: readonly PacketReader[],
    onWhole: () => void,
    inflation?: Inflation,
  ) {
    this.#data = data;
    this.#packets = packets;
    this.#around = around;
    this.#onWhole = onWhole;
    this.#inflation = inflation;
  }

  async read(): Promise<Uint8Array | undefined> {
    const piece = await this.#data.readSome(pieceLimit);
    if (piece !== undefined) return piece;
    await demandEnd(this.#packets);
    // It may still be reading what the others go on with.
    await this.#inflation?.[Symbol.asyncDispose]();
    for (const packets of this.#around) await demandEnd(packets);
    this.#onWhole();
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inflation?.[Symbol.asyncDispose]();
  }
}

async function demandEnd(packets: PacketReader): Promise<void> {
  if ((await packets.next()) !== undefined) throw damagedMessage('goes on after its data');
}
