import { utf8 } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { type RandomBytes, systemRandom } from '../../../base/random.ts';
import type { Secret } from '../../../base/secret.ts';
import type { ByteEncoder, ByteSink } from '../../../codec/byte-encoder.ts';
import { gunzip } from '../../../codec/compression/gunzip.ts';
import { gzipEncoder } from '../../../codec/compression/gzip.ts';
import {
  checkMessage,
  openMessage,
  type OpenedMessage,
} from '../../../codec/encryption/openpgp/message-decoder.ts';
import { saltLength, startMessage } from '../../../codec/encryption/openpgp/message-encoder.ts';
import { PassphraseKeys } from '../../../codec/encryption/openpgp/string-to-key.ts';
import { PlainEncoder } from '../../../codec/plain-encoder.ts';
import { Gpg } from './gpg.ts';
import type { Protection } from './protection.ts';
import { Replay } from './replay.ts';

/** How a file is coded; its name says it (docs/formats/duplicity.md 2.1). */
export type Coding = 'plain' | 'gzip' | 'openpgp';

type Encrypted = Exclude<Protection, { kind: 'none' }>;

export interface FileCodingOptions {
  readonly random?: RandomBytes;
}

/** That of Python's gzip as duplicity uses it, and gpg's. */
const compressionLevel = 6;

/**
 * Codes the files of an archive (docs/formats/duplicity.md 4, 11). OpenPGP with a passphrase is written and read in this process; signatures, keys,
 * options and agents go to the gpg program, and so do messages that only it can read.
 */
export class FileCoding {
  /** What opens OpenPGP messages, in any thread of this process; undefined where gpg does. Secret. */
  readonly passphrase: Uint8Array | undefined;
  readonly #protection: Protection;
  readonly #random: RandomBytes;
  /** Set when gpg is not needed. */
  readonly #keys: PassphraseKeys | undefined;
  /** One for all files of a run, unless there is a proven one, which is the chain's: making and opening them takes the time for one key. */
  readonly #salt: Uint8Array;
  #gpg: Gpg | undefined;

  constructor(protection: Protection, options: FileCodingOptions = {}) {
    this.#protection = protection;
    this.#random = options.random ?? systemRandom;
    this.#salt = this.#random(saltLength);
    this.passphrase = isInProcess(protection) ? passphraseBytes(protection.passphrase) : undefined;
    this.#keys = this.passphrase && new PassphraseKeys(this.passphrase);
  }

  /** Of new volumes and signatures. New manifests are `openpgp` where these are, and `plain` otherwise. */
  get coding(): Coding {
    if (this.#protection.kind !== 'none') return 'openpgp';
    return this.#protection.compress ? 'gzip' : 'plain';
  }

  /**
   * Starts a file; what it becomes goes to `sink` in order.
   *
   * @throws AppError `input/invalid` for an empty passphrase, and for two that differ; what gpg ends with
   */
  async encoder(coding: Coding, sink: ByteSink, options: CallOptions = {}): Promise<ByteEncoder> {
    options.signal?.throwIfAborted();
    switch (coding) {
      case 'plain':
        return new PlainEncoder(sink);
      case 'gzip':
        return gzipEncoder(sink, { level: compressionLevel });
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

  /**
   * Decrypts a message that was just made in this process, and sees that it is what was encrypted; without looking into what that is.
   *
   * @throws AppError `repository/damaged`
   */
  async checkMessage(stored: AsyncIterable<Uint8Array>, options: CallOptions = {}): Promise<void> {
    if (this.#keys === undefined) throw notEncrypted();
    const pieces = new Replay(stored);
    pieces.forget();
    try {
      await checkMessage(pieces, this.#keys, options);
    } finally {
      await pieces.close();
    }
  }

  async #encrypt(sink: ByteSink, { signal }: CallOptions): Promise<ByteEncoder> {
    const protection = this.#protection;
    if (protection.kind === 'none') throw notEncrypted();
    const { sign, compress = true } = protection;
    if (this.#keys !== undefined) {
      if (this.passphrase?.length === 0) throw emptyPassphrase();
      const compression = { level: compressionLevel };
      return startMessage(sink, this.#keys, {
        signal,
        salt: this.#keys.provenSalt ?? this.#salt,
        random: this.#random,
        compression: compress ? compression : undefined,
      });
    }
    return this.#gpgOf(protection).encoder(
      sink,
      {
        recipients: protection.kind === 'keys' ? protection.recipients : [],
        hiddenRecipients: protection.kind === 'keys' ? protection.hiddenRecipients : [],
        sign,
        compress,
        passphrase: passphraseToWrite(protection),
      },
      { signal },
    );
  }

  async *#decrypt(
    stored: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const protection = this.#protection;
    if (protection.kind === 'none') throw notEncrypted();
    const gpgDecryption = {
      passphrase: protection.passphrase,
      hasKeys: protection.kind === 'keys',
      signer: protection.sign?.key,
    };
    const gpg = this.#gpgOf(protection);
    if (this.#keys === undefined) {
      yield* gpg.decrypt(stored, gpgDecryption, options);
      return;
    }
    const replay = new Replay(stored);
    try {
      const message = await this.#open(replay, this.#keys, options);
      if (message === undefined) yield* gpg.decrypt(replay.again(), gpgDecryption, options);
      else yield* dataOf(message, options);
    } finally {
      await replay.close();
    }
  }

  /** Gives `undefined` for what has to be read by gpg. */
  async #open(
    replay: Replay,
    keys: PassphraseKeys,
    options: CallOptions,
  ): Promise<OpenedMessage | undefined> {
    try {
      const message = await openMessage(replay, keys, options);
      replay.forget();
      return message;
    } catch (error) {
      if (hasCode(error, 'repository/unsupported') && replay.isComplete) return undefined;
      throw error;
    }
  }

  #gpgOf({ gpg }: Encrypted): Gpg {
    this.#gpg ??= new Gpg(gpg);
    return this.#gpg;
  }
}

async function* dataOf(
  message: OpenedMessage,
  { signal }: CallOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  await using opened = message;
  for (let piece = await opened.read(); piece !== undefined; piece = await opened.read()) {
    signal?.throwIfAborted();
    // Not `slice`, which does not copy a `Buffer`.
    yield new Uint8Array(piece);
  }
}

function isInProcess(protection: Protection): protection is Encrypted & { kind: 'symmetric' } {
  return (
    protection.kind === 'symmetric' &&
    protection.sign === undefined &&
    !protection.gpg.useAgent &&
    protection.gpg.options.length === 0
  );
}

/** gpg is given one passphrase for everything: that of the key that signs, if there is one (docs/formats/duplicity.md 11.3). */
function passphraseToWrite({ kind, passphrase, sign }: Encrypted): Secret | undefined {
  const ofSigner = sign?.passphrase;
  if (ofSigner === undefined || ofSigner.reveal() === '') return passphrase;
  if (kind === 'symmetric' && ofSigner.reveal() !== passphrase.reveal()) {
    throw new AppError(
      'input/invalid',
      'The passphrase of the files and that of the signing key have to be the same',
      { hint: 'gpg takes one passphrase for both; a signing key without a passphrase works, too' },
    );
  }
  return ofSigner;
}

/** What gpg makes of a passphrase that it reads: the first line of it. */
function passphraseBytes(passphrase: Secret): Uint8Array {
  const [line = ''] = passphrase.reveal().split('\n', 1);
  return utf8(line);
}

/** gpg refuses to encrypt with one, and to open what somebody else has. */
function emptyPassphrase(): AppError {
  return new AppError('input/invalid', 'The passphrase is empty: gpg could not open the files', {
    hint: 'Choose a passphrase; its first line counts',
  });
}

function notEncrypted(): AppError {
  return new AppError(
    'repository/wrong-passphrase',
    'The file is encrypted, but no passphrase and no key was given',
    { hint: 'Give the passphrase of the archive' },
  );
}
