import type { CallOptions } from '../../../base/call-options.ts';
import { discardBytes } from '../../../base/discard-bytes.ts';
import type { ByteEncoder } from '../../../codec/byte-encoder.ts';
import { crc32 } from '../../../codec/compression/crc32.ts';
import type { FileCoding } from '../encryption/file-coding.ts';
import { sumDigits } from '../inspection/digests.ts';
import { GrowingDigests } from '../inspection/growing-digests.ts';
import type { InspectThread } from '../inspection/inspect-thread.ts';
import type { VolumePosition } from '../manifest/manifest.ts';
import { type EncodedFile, notSound } from './encoded-file.ts';
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
  /** Hashes volumes that are long. */
  readonly thread: InspectThread;
}

/** The volume that is being filled. */
export class OpenVolume implements AsyncDisposable {
  readonly number: number;
  readonly tar: TarSlab;
  readonly #settings: VolumeSettings;
  readonly #encoder: ByteEncoder;
  readonly #output: VolumeOutput;
  readonly #options: CallOptions;
  #plainSum = 0;
  #start: VolumePosition | undefined;
  #end: VolumePosition | undefined;
  #isFinished = false;

  private constructor(
    number: number,
    settings: VolumeSettings,
    output: VolumeOutput,
    encoder: ByteEncoder,
    options: CallOptions,
  ) {
    this.number = number;
    this.#settings = settings;
    this.#output = output;
    this.#encoder = encoder;
    this.#options = options;
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
    const output = new VolumeOutput(settings);
    try {
      // The encoder may have written something when it is there.
      const encoder = await coding.encoder(coding.coding, output.take, options);
      return new OpenVolume(number, settings, output, encoder, options);
    } catch (error) {
      output[Symbol.dispose]();
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

  /** Ends it; `root` is where it begins and ends if it holds nothing. Throws `internal` if what came out of the encoder is not what was kept. */
  async finish(root: VolumePosition): Promise<FinishedVolume> {
    const { coding } = this.#settings.coding;
    if (coding === 'openpgp') {
      const zeros = RECORD - (this.tar.length % RECORD);
      await this.tar.append(new Uint8Array(zeros));
    }
    await this.tar.flush();
    await this.#encoder.finish();
    const hashes = await this.#output.hashes(this.#options);
    if (hashes === undefined) throw notSound(`Volume ${this.number}`);
    this.#isFinished = true;
    await this.#encoder[Symbol.asyncDispose]();
    const plain = { sum: this.#plainSum, length: this.tar.length };
    return {
      number: this.number,
      coding,
      body: this.#output.body,
      start: this.#start ?? root,
      end: this.#end ?? root,
      hashes,
      sum: this.#output.sum,
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
      this.#output[Symbol.dispose]();
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

/** So many bytes are handed to the thread that hashes at a time. */
const HASHED_AT_ONCE = 1024 * 1024;
/** What manifests say of a volume, and what tells whether it is what came out of the encoder. */
const algorithms = ['CRC32', 'SHA1', 'SHA256'] as const;

/** What comes out of an encoder. */
class VolumeOutput implements Disposable {
  readonly body: Spool;
  readonly #digests: GrowingDigests;
  /** How much of the file they were told of. */
  #told = 0;
  #sum = 0;
  /** Whether long pieces lie in buffers of their own. */
  isOwnMemory = false;

  constructor({ tempDirectory, thread }: VolumeSettings) {
    this.body = new Spool(tempDirectory);
    this.#digests = new GrowingDigests(algorithms, thread);
  }

  /** The CRC-32 of what came. */
  get sum(): number {
    return this.#sum;
  }

  readonly take = (bytes: Uint8Array): void => {
    this.#sum = crc32(bytes, this.#sum);
    const isKept = this.body.write(bytes);
    if (this.isOwnMemory && !isKept) discardBytes(bytes);
    if (this.body.size - this.#told >= HASHED_AT_ONCE) this.#hashMore();
  };

  /** What manifests say of it: the hashes of what lies there, if that is what came. Undefined if it is not. */
  async hashes(options: CallOptions): Promise<ReadonlyMap<string, string> | undefined> {
    this.#hashMore();
    const found = new Map(await this.#digests.found(this.body.inMemory, options));
    if (found.get('CRC32') !== sumDigits(this.#sum)) return undefined;
    found.delete('CRC32');
    return found;
  }

  /** Gives up what is there. */
  [Symbol.dispose](): void {
    this.#digests[Symbol.dispose]();
    this.body[Symbol.dispose]();
  }

  #hashMore(): void {
    const part = this.body.partFrom(this.#told);
    if (part === undefined) return;
    this.#digests.add(part);
    this.#told += part.length;
  }
}
