import { asBuffer, utf8 } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { failureOf, runProgram, startProgram, type ProgramOptions } from '../../../base/process.ts';
import type { Secret } from '../../../base/secret.ts';
import type { ByteEncoder, ByteSink } from '../../../codec/byte-encoder.ts';
import {
  decryptCommand,
  encryptCommand,
  type GpgEncryption,
  type GpgVersion,
  listKeysCommand,
  passphraseDescriptor,
  statusDescriptor,
  versionCommand,
} from './gpg-command.ts';
import { GpgEncoder } from './gpg-encoder.ts';
import { decryptionFailure, encryptionFailure } from './gpg-failure.ts';
import { keyDigits, signatureFailure, type WantedSigner } from './gpg-signature.ts';
import { GpgStatusLines } from './gpg-status.ts';
import { feed } from './program-pipes.ts';
import type { GpgSettings } from './protection.ts';

/** How a file is opened. */
export interface GpgDecryption {
  readonly passphrase: Secret | undefined;
  /** Whether it is for keys, so that a key ring of its own counts. */
  readonly hasKeys: boolean;
  /** The key that has to have signed it, if one has. */
  readonly signer: string | undefined;
}

/** The gpg program (docs/formats/duplicity.md 11). Passphrases go through a pipe; what it did is read from its status lines. */
export class Gpg {
  readonly #settings: GpgSettings;
  #version: Promise<GpgVersion> | undefined;
  readonly #signers = new Map<string, WantedSigner>();

  constructor(settings: GpgSettings) {
    this.#settings = settings;
  }

  /**
   * Starts a message. Besides what the sink throws, its methods throw `input/invalid` for keys that cannot be used, `repository/wrong-passphrase` for
   * the key that signs, and `process/failed`: unusable keys at the first write or at the end.
   */
  async encoder(
    sink: ByteSink,
    encryption: GpgEncryption & { readonly passphrase: Secret | undefined },
    options: CallOptions,
  ): Promise<ByteEncoder> {
    const command = encryptCommand(this.#settings, await this.#versionOf(options), encryption);
    const status = new GpgStatusLines();
    const program = await startProgram(
      command,
      this.#programOptions(encryption.passphrase, status, options),
    );
    const isSigned = encryption.sign !== undefined;
    return new GpgEncoder(program, sink, (end) =>
      encryptionFailure(this.#settings.program, status, end, isSigned),
    );
  }

  /**
   * What a message holds. It comes before gpg has seen the end and told whether it was changed and who signed it.
   *
   * @throws AppError `repository/damaged`, for signatures with the detail `signature`; `repository/wrong-passphrase`, also when there is
   *   no secret key; `process/failed`
   */
  async *decrypt(
    stored: AsyncIterable<Uint8Array>,
    { passphrase, hasKeys, signer }: GpgDecryption,
    options: CallOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const version = await this.#versionOf(options);
    const wanted = signer === undefined ? undefined : await this.#signer(signer, options);
    const status = new GpgStatusLines();
    const program = await startProgram(
      decryptCommand(this.#settings, version, hasKeys),
      this.#programOptions(passphrase, status, options),
    );
    const feeding = feed(program.input, stored);
    try {
      yield* program.output as AsyncIterable<Uint8Array>;
      const end = await program.ended;
      // It is the cause of what gpg says about a message without an end.
      const unread = await feeding;
      if (unread !== undefined) throw unread.error;
      const failure =
        (status.has('GOODMDC') ? signatureFailure(status, wanted) : undefined) ??
        decryptionFailure(this.#settings.program, status, end);
      if (failure !== undefined) throw failure;
    } finally {
      await program[Symbol.asyncDispose]();
      // Whoever aborts is not kept waiting for a source that does not listen.
      if (options.signal?.aborted !== true) await feeding;
    }
  }

  #programOptions(
    passphrase: Secret | undefined,
    status: GpgStatusLines,
    { signal }: CallOptions,
  ): ProgramOptions {
    const content = utf8(passphrase?.reveal() ?? '');
    return {
      environment: this.#settings.environment,
      ...(signal === undefined ? {} : { signal }),
      extraInputs: this.#settings.useAgent ? [] : [{ descriptor: passphraseDescriptor, content }],
      extraOutputs: [{ descriptor: statusDescriptor, onOutput: (piece) => status.push(piece) }],
    };
  }

  /** Asks once; a failure is told to everybody who waits, and asked again afterwards. */
  async #versionOf(options: CallOptions): Promise<GpgVersion> {
    this.#version ??= this.#askVersion(options);
    try {
      return await this.#version;
    } catch (error) {
      this.#version = undefined;
      throw error;
    }
  }

  async #askVersion({ signal }: CallOptions): Promise<GpgVersion> {
    const { environment, program } = this.#settings;
    const result = await runProgram(versionCommand(this.#settings), { environment, signal });
    const [line = ''] = result.output.toString('latin1').split('\n', 1);
    const [, major, minor] = /^gpg.*\(GnuPG.*\) (\d+)\.(\d+)/u.exec(line) ?? [];
    if (major === undefined || minor === undefined) {
      const reason = failureOf(result) ?? 'it does not tell the version of a GnuPG';
      throw new AppError('process/failed', `"${program}" cannot be used: ${reason}`, {
        hint: 'Check that it is GnuPG, and the options it is given',
        details: { gpg: true },
      });
    }
    return [Number(major), Number(minor)];
  }

  /** Names that are no ids are looked up once: it is the key ring that says which keys they are. */
  async #signer(key: string, { signal }: CallOptions): Promise<WantedSigner> {
    const digits = keyDigits(key);
    if (digits !== undefined) return { name: key, endings: [digits] };
    const known = this.#signers.get(key);
    if (known !== undefined) return known;
    const { environment } = this.#settings;
    const result = await runProgram(listKeysCommand(this.#settings, key), { environment, signal });
    const endings = primaryFingerprints(asBuffer(result.output).toString('latin1'));
    if (endings.length === 0) {
      throw new AppError('input/invalid', `The key "${key}" is not in the key ring of gpg`, {
        hint: 'Import the public key that has signed, or name it by its fingerprint',
        details: { gpg: true, key },
      });
    }
    const signer = { name: key, endings };
    this.#signers.set(key, signer);
    return signer;
  }
}

/** In the list for programs (`doc/DETAILS` of GnuPG) the fingerprint of a primary key follows its `pub` line. */
function primaryFingerprints(list: string): string[] {
  let isPrimary = false;
  return list.split('\n').flatMap((line) => {
    const fields = line.split(':');
    if (fields[0] === 'pub' || fields[0] === 'sub') isPrimary = fields[0] === 'pub';
    return fields[0] === 'fpr' && isPrimary ? [fields[9] ?? ''] : [];
  });
}
