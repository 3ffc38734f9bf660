import { utf8 } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { type RandomBytes, systemRandom } from '../../../base/random.ts';
import type { Secret } from '../../../base/secret.ts';
import type { ByteEncoder, ByteSink } from '../../../codec/byte-encoder.ts';
import { gunzip } from '../../../codec/compression/gunzip.ts';
import { gzipEncoder } from '../../../codec/compression/gzip.ts';
import { openMessage } from '../../../codec/encryption/openpgp/message-decoder.ts';
import { startMessage } from '../../../codec/encryption/openpgp/message-encoder.ts';
import { PassphraseKeys } from '../../../codec/encryption/openpgp/string-to-key.ts';
import { PlainEncoder } from '../../../codec/plain-encoder.ts';
import type { Protection } from './protection.ts';
import { Replay } from './replay.ts';

/** How a file is coded; its name says it (docs/formats/duplicity.md 2.1). */
export type Coding = 'plain' | 'gzip' | 'openpgp';

export interface FileCodingOptions {
  /** Blocks that are compressed at once; 4 unless told. */
  readonly concurrency?: number;
  readonly random?: RandomBytes;
}

/** That of Python's gzip as duplicity uses it, and gpg's. */
const compressionLevel = 6;

/**
 * Codes the files of an archive (docs/formats/duplicity.md 4, 11). OpenPGP with a passphrase is written and read in this process; signatures, keys,
 * options and agents go to the gpg program, and so do messages that only it can read.
 */
export class FileCoding {
  readonly #protection: Protection;
  readonly #concurrency: number;
  readonly #random: RandomBytes;
  readonly #keys: PassphraseKeys | undefined;

  constructor(protection: Protection, options: FileCodingOptions = {}) {
    this.#protection = protection;
    this.#concurrency = options.concurrency ?? 4;
    this.#random = options.random ?? systemRandom;
    this.#keys =
      protection.kind === 'symmetric'
        ? new PassphraseKeys(passphraseBytes(protection.passphrase))
        : undefined;
  }

  /** Of new volumes and signatures. New manifests are `openpgp` where these are, and `plain` otherwise. */
  get coding(): Coding {
    if (this.#protection.kind !== 'none') return 'openpgp';
    return this.#protection.compress ? 'gzip' : 'plain';
  }

  /** Starts a file; what it becomes goes to `sink` in order. */
  async encoder(coding: Coding, sink: ByteSink, options: CallOptions = {}): Promise<ByteEncoder> {
    options.signal?.throwIfAborted();
    switch (coding) {
      case 'plain':
        return new PlainEncoder(sink);
      case 'gzip':
        return gzipEncoder(sink, { level: compressionLevel, concurrency: this.#concurrency });
      case 'openpgp':
        return this.#encrypt(sink, options);
    }
  }

  /**
   * What the file holds. Plaintext comes before it is known to be right: only who reads to the end learns of changes and of signatures that are not
   * the wanted ones, so nothing final may be done with it before (or the stored bytes were compared with a hash first).
   *
   * @throws AppError `repository/damaged`, also for signatures (then with the detail `signature`); `repository/wrong-passphrase`, also if
   *   there is none or no secret key; `repository/unsupported`; `process/failed`
   */
  async *decode(
    stored: AsyncIterable<Uint8Array>,
    coding: Coding,
    options: CallOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    options.signal?.throwIfAborted();
    switch (coding) {
      case 'plain':
        yield* stored;
        break;
      case 'gzip':
        yield* gunzip(stored);
        break;
      case 'openpgp':
        yield* this.#decrypt(stored, options);
        break;
    }
  }

  async #encrypt(sink: ByteSink, { signal }: CallOptions): Promise<ByteEncoder> {
    const protection = this.#protection;
    if (this.#keys === undefined || protection.kind !== 'symmetric') throw notEncrypted();
    return startMessage(sink, this.#keys, {
      signal,
      random: this.#random,
      compression:
        protection.compress === false
          ? undefined
          : { level: compressionLevel, concurrency: this.#concurrency },
    });
  }

  async *#decrypt(
    stored: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#keys === undefined) throw notEncrypted();
    const replay = new Replay(stored);
    try {
      await using message = await openMessage(replay, this.#keys, options);
      for (let piece = await message.read(); piece !== undefined; piece = await message.read()) {
        options.signal?.throwIfAborted();
        yield piece;
      }
    } finally {
      await replay.close();
    }
  }
}

/** What gpg makes of a passphrase that it reads: the first line of it. */
function passphraseBytes(passphrase: Secret): Uint8Array {
  const [line = ''] = passphrase.reveal().split('\n', 1);
  return utf8(line);
}

function notEncrypted(): AppError {
  return new AppError(
    'repository/wrong-passphrase',
    'The file is encrypted, but no passphrase and no key was given',
    { hint: 'Give the passphrase of the archive' },
  );
}
