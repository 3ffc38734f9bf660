import { type Cipheriv, createHash } from 'node:crypto';

import { concatBytes } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { discardBytes } from '../../../base/discard-bytes.ts';
import { AppError } from '../../../base/errors.ts';
import type { RandomBytes } from '../../../base/random.ts';
import type { ByteEncoder, ByteSink } from '../../byte-encoder.ts';
import { ParallelDeflate } from '../../compression/parallel-deflate.ts';
import { PlainEncoder } from '../../plain-encoder.ts';
import { packetTag } from './packet-tag.ts';
import { PartialBody, partialBodyBound } from './partial-body.ts';
import { detectionHeader } from './protected-body.ts';
import { newPassphrasePacket, type SessionKey } from './session-key.ts';
import type { PassphraseKeys } from './string-to-key.ts';
import { encryptWith } from './symmetric-cipher.ts';

/** What a message is made with. */
export interface MessageParameters extends CallOptions {
  /** 8 bytes by chance. Several messages may share it, and so the work for the key: each one is made different by its prefix. */
  readonly salt: Uint8Array;
  /** For the prefix. */
  readonly random: RandomBytes;
  /** Without it the data are not compressed. */
  readonly compression: { readonly level: number } | undefined;
}

const protectedVersion = Uint8Array.of(1);
const zip = Uint8Array.of(1);
/** Binary data, no name, no date (RFC 4880, 5.9). */
const literalHeader = Uint8Array.of('b'.charCodeAt(0), 0, 0, 0, 0, 0);
export const saltLength = 8;
const hashLength = 20;

/**
 * Starts a message that the passphrase opens, as gpg 2.2 writes it (docs/formats/duplicity.md 11.1): passphrase packet, and an integrity protected
 * packet (RFC 4880, 5.13) around a compressed (5.6) around a literal one (5.9). Making the key takes some tenths of a second. What is written is compressed by
 * several threads, and encrypted in the order it was written.
 */
export async function startMessage(
  sink: ByteSink,
  passphrase: PassphraseKeys,
  parameters: MessageParameters,
): Promise<ByteEncoder> {
  const { salt, random, compression, signal } = parameters;
  const { packet, cipher, key } = await newPassphrasePacket(salt, passphrase, {
    signal,
  });
  await sink(packet);
  const body = new EncryptedPacket({ cipher, key }, random(cipher.blockLength), packet.length);
  return new MessageEncoder(sink, body, compression);
}

class MessageEncoder implements ByteEncoder {
  readonly #sink: ByteSink;
  readonly #encrypted: EncryptedPacket;
  readonly #compressed: PartialBody | undefined;
  readonly #literal = new PartialBody(packetTag.literal, literalHeader);
  /** Between the two. */
  readonly #inner: ByteEncoder;
  readonly copies = true;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    sink: ByteSink,
    encrypted: EncryptedPacket,
    compression: MessageParameters['compression'],
  ) {
    this.#sink = sink;
    this.#encrypted = encrypted;
    if (compression === undefined) {
      this.#inner = new PlainEncoder((bytes) => this.#give(this.#encrypted.push(bytes)));
    } else {
      const packet = new PartialBody(packetTag.compressed, zip);
      this.#compressed = packet;
      this.#inner = new ParallelDeflate((bytes) => {
        const parts = packet.push(bytes);
        discardBytes(bytes);
        const made = this.#encrypted.push(...parts);
        for (const part of parts) packet.takeBack(part);
        return this.#give(made);
      }, compression);
    }
  }

  get isReadBack(): boolean {
    return this.#inner.isReadBack === true;
  }

  /** Every layer is taken to add what it adds at most. */
  get sizeBound(): number {
    // What the literal packet still holds, its last length, and what compressing that may add: a few headers of stored blocks.
    const inner = this.#isOver ? 0 : this.#literal.held + 64;
    const content = this.#inner.sizeBound + inner;
    return this.#encrypted.boundOf(
      this.#compressed === undefined ? content : partialBodyBound(zip.length + content),
    );
  }

  async write(plain: Uint8Array): Promise<void> {
    await this.#attempt(async () => {
      for (const piece of this.#literal.push(plain)) {
        await this.#inner.write(piece);
        // Either way it was copied or encrypted.
        this.#literal.takeBack(piece);
      }
    });
  }

  async settle(): Promise<void> {
    await this.#attempt(() => this.#inner.settle());
  }

  async finish(): Promise<void> {
    await this.#attempt(async () => {
      this.#isOver = true;
      for (const piece of this.#literal.finish()) await this.#inner.write(piece);
      await this.#inner.finish();
      await this.#give(this.#encrypted.push(...(this.#compressed?.finish() ?? [])));
      await this.#give(this.#encrypted.finish());
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#inner[Symbol.asyncDispose]();
  }

  async #give(pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) await this.#sink(piece);
  }

  /** What fails once leaves a hole in the message: every later call fails the same way. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#isOver) throw new AppError('internal', 'The message is finished already');
    try {
      await work();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }
}

/** A symmetrically encrypted integrity protected data packet that is being written (RFC 4880, 5.13, 5.14). */
class EncryptedPacket {
  readonly #body: PartialBody;
  readonly #cipher: Cipheriv;
  readonly #hash = createHash('sha1');
  /** What is in the file beside the data: the packet before, version, prefix, detection code. */
  readonly #before: number;
  readonly #own: number;

  constructor({ cipher, key }: SessionKey, random: Uint8Array, before: number) {
    this.#cipher = encryptWith(cipher, key);
    const prefix = concatBytes(random, random.subarray(-2));
    this.#before = before;
    this.#own = protectedVersion.length + prefix.length + detectionHeader.length + hashLength;
    this.#body = new PartialBody(
      packetTag.protected,
      concatBytes(protectedVersion, this.#encrypt(prefix)),
    );
  }

  /** The size of the file when so many bytes are encrypted, at most. */
  boundOf(content: number): number {
    return this.#before + partialBodyBound(this.#own + content);
  }

  push(...plain: readonly Uint8Array[]): Uint8Array[] {
    return plain.flatMap((piece) => {
      const encrypted = this.#encrypt(piece);
      const parts = this.#body.push(encrypted);
      discardBytes(encrypted);
      return parts;
    });
  }

  finish(): Uint8Array[] {
    const header = this.#encrypt(detectionHeader);
    const code = this.#cipher.update(this.#hash.digest());
    return [...this.#body.push(concatBytes(header, code)), ...this.#body.finish()];
  }

  #encrypt(plain: Uint8Array): Uint8Array {
    this.#hash.update(plain);
    return this.#cipher.update(plain);
  }
}
