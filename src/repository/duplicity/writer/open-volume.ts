import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

import type { CallOptions } from '../../../base/call-options.ts';
import { discardBytes } from '../../../base/discard-bytes.ts';
import type { ByteEncoder } from '../../../codec/byte-encoder.ts';
import type { FileCoding } from '../encryption/file-coding.ts';
import type { VolumePosition } from '../manifest/manifest.ts';
import type { EncodedFile } from './encoded-file.ts';
import { Spool } from './spool.ts';
import { TarSlab } from './tar-slab.ts';

/** Encrypted tars end with zeros up to a multiple of this, and at least with one block of them. */
const RECORD = 10_240;

/** A volume that is complete, and waits to be stored. */
export interface FinishedVolume extends EncodedFile {
  readonly number: number;
  readonly start: VolumePosition;
  readonly end: VolumePosition;
  /** Of the stored bytes, by algorithm, in hex digits. */
  readonly hashes: ReadonlyMap<string, string>;
}

/** What volumes are made with. */
export interface VolumeSettings {
  readonly coding: FileCoding;
  /** For what is too long for the memory. */
  readonly tempDirectory: string;
  /** A volume is never longer, as it is stored, unless a single entry is. */
  readonly volumeSize: number;
}

/** The volume that is being filled. */
export class OpenVolume implements AsyncDisposable {
  readonly number: number;
  readonly tar: TarSlab;
  readonly #settings: VolumeSettings;
  readonly #encoder: ByteEncoder;
  readonly #output: VolumeOutput;
  #plainSum = 0;
  #start: VolumePosition | undefined;
  #end: VolumePosition | undefined;
  #isFinished = false;

  private constructor(
    number: number,
    settings: VolumeSettings,
    output: VolumeOutput,
    encoder: ByteEncoder,
  ) {
    this.number = number;
    this.#settings = settings;
    this.#output = output;
    this.#encoder = encoder;
    this.tar = new TarSlab(async (plain) => {
      if (encoder.isReadBack !== true) this.#plainSum = crc32(plain, this.#plainSum);
      await encoder.write(plain);
    }, encoder.copies === true);
    output.isOwnMemory = encoder.copies === true;
  }

  /** Begins one. Throws what making an encoder throws. */
  static async open(
    number: number,
    settings: VolumeSettings,
    options: CallOptions,
  ): Promise<OpenVolume> {
    const { coding } = settings;
    const output = new VolumeOutput(settings.tempDirectory);
    try {
      // The encoder may have written something when it is there.
      const encoder = await coding.encoder(coding.coding, output.take, options);
      return new OpenVolume(number, settings, output, encoder);
    } catch (error) {
      output.body[Symbol.dispose]();
      throw error;
    }
  }

  /** Notes where an entry stands that is written next. */
  note(position: VolumePosition): void {
    this.#start ??= position;
    this.#end = position;
  }

  /** Whether `length` more bytes of tar might make it too long. Never for a volume that holds nothing yet. */
  isFull(length: number): boolean | Promise<boolean> {
    if (this.#start === undefined || this.#fits(length)) return false;
    return this.#isReallyFull(length);
  }

  /** Ends it; `root` is where it begins and ends if it holds nothing. */
  async finish(root: VolumePosition): Promise<FinishedVolume> {
    const { coding } = this.#settings.coding;
    if (coding === 'openpgp') {
      const zeros = RECORD - (this.tar.length % RECORD);
      await this.tar.append(new Uint8Array(zeros));
    }
    await this.tar.flush();
    await this.#encoder.finish();
    this.#isFinished = true;
    await this.#encoder[Symbol.asyncDispose]();
    const hashes = this.#output.digests();
    const plain = { sum: this.#plainSum, length: this.tar.length };
    return {
      number: this.number,
      coding,
      body: this.#output.body,
      start: this.#start ?? root,
      end: this.#end ?? root,
      hashes,
      digest: hashes.get('SHA1')!,
      plain: this.#encoder.isReadBack === true ? undefined : plain,
    };
  }

  /** Gives it up, unless it is finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isFinished) return;
    this.#isFinished = true;
    try {
      await this.#encoder[Symbol.asyncDispose]();
    } finally {
      this.#output.body[Symbol.dispose]();
    }
  }

  #fits(length: number): boolean {
    const { coding, volumeSize } = this.#settings;
    const rest = this.tar.pending + length + (coding.coding === 'openpgp' ? RECORD : 0);
    // What is stored without gain takes a few bytes more than it has.
    return this.#encoder.sizeBound + rest + (rest >>> 8) + 256 <= volumeSize;
  }

  async #isReallyFull(length: number): Promise<boolean> {
    await this.tar.flush();
    await this.#encoder.settle();
    return !this.#fits(length);
  }
}

/** What comes out of an encoder. */
class VolumeOutput {
  readonly body: Spool;
  readonly #sha1 = createHash('sha1');
  readonly #sha256 = createHash('sha256');
  /** Whether long pieces lie in buffers of their own. */
  isOwnMemory = false;

  constructor(tempDirectory: string) {
    this.body = new Spool(tempDirectory);
  }

  readonly take = (bytes: Uint8Array): void => {
    this.#sha1.update(bytes);
    this.#sha256.update(bytes);
    const isKept = this.body.write(bytes);
    if (this.isOwnMemory && !isKept) discardBytes(bytes);
  };

  /** By algorithm, in hex digits. */
  digests(): ReadonlyMap<'SHA1' | 'SHA256', string> {
    return new Map([
      ['SHA1', this.#sha1.digest('hex')],
      ['SHA256', this.#sha256.digest('hex')],
    ]);
  }
}
