import { DeltaCommandWriter, mostLiteral } from './delta-commands.ts';
import { layout } from './kernel-layout.ts';
import { digestAt, Kernel } from './kernel.ts';
import { signatureKinds, type SignatureTraits } from './signature-kind.ts';
import { mostBlockLength, type Signature } from './signature.ts';
import { shrinkingSums } from './shrinking-sums.ts';

const chunkBytes = 256 * 1024;
/** Blocks up to this many bytes are compared by fours. */
const mostInFours = 1024 * 1024;
/**
 * Strong sums that turn out not to be those of the weak sum's block are made for this many bytes, and for so many times the bytes of the new
 * file: a signature that was made to waste time costs matches instead.
 */
const mistakenBytes = 16 * 1024 * 1024;
const mistakenTimes = 8;
/** So many blocks of the old file are looked for, the first ones: what keeps the table below 200 MB. */
const mostBlocks = 2 ** 23;

/**
 * Makes the delta from a file, known by its signature, to the bytes it is given: docs/formats/duplicity.md 8.2.
 *
 * Holds the table of the signature (20 to 30 bytes a block) and a window of a few blocks, whatever the length of the file.
 */
export class DeltaEncoder {
  readonly #writer: DeltaCommandWriter;
  readonly #search: BlockSearch | undefined;
  readonly #plain = new Uint8Array(mostLiteral);
  #plainLength = 0;

  /** @param emit gets the delta in pieces that are its own */
  constructor(signature: Signature, emit: (piece: Uint8Array) => void) {
    this.#writer = new DeltaCommandWriter(emit);
    if (signature.blocks > 0 && signature.blockLength <= mostBlockLength) {
      this.#search = new BlockSearch(signature, this.#writer);
    }
  }

  /** The next bytes of the new file. */
  update(bytes: Uint8Array): void {
    if (this.#search !== undefined) return this.#search.update(bytes);
    let taken = 0;
    while (taken < bytes.length) {
      const piece = bytes.subarray(taken, taken + mostLiteral - this.#plainLength);
      this.#plain.set(piece, this.#plainLength);
      this.#plainLength += piece.length;
      taken += piece.length;
      if (this.#plainLength === mostLiteral) this.#endPlain();
    }
  }

  /** The end of the new file: what is left of the delta is emitted. */
  finish(): void {
    if (this.#search === undefined) this.#endPlain();
    else this.#search.finish();
    this.#writer.end();
  }

  #endPlain(): void {
    if (this.#plainLength > 0) this.#writer.literal(this.#plain.subarray(0, this.#plainLength));
    this.#plainLength = 0;
  }
}

/** Finds the blocks of a signature in a stream. Positions are offsets in the window. */
class BlockSearch {
  readonly #writer: DeltaCommandWriter;
  readonly #kernel: Kernel;
  readonly #traits: SignatureTraits;
  readonly #blockLength: number;
  /** How many blocks are in the table, and whether that is all of them. */
  readonly #blocks: number;
  readonly #isWhole: boolean;
  readonly #window: Uint8Array<ArrayBuffer>;
  readonly #base: number;
  /** From here on nothing was written yet; from `position` on nothing was looked at; up to `filled` there are bytes. */
  #start = 0;
  #position = 0;
  #filled = 0;
  /** The weak sum of the block at `position`, if that block is known not to match. */
  #weak: number | undefined;
  /** So many bytes are gathered before they are looked at: four digests at once take little longer than one. */
  readonly #gathered: number;
  /** Where the first of the four blocks is whose digests the kernel holds. */
  #digestsFrom: number | undefined;
  /** For how many bytes strong sums may still be made in vain. */
  #mistakesLeft = mistakenBytes;

  constructor(signature: Signature, writer: DeltaCommandWriter) {
    this.#writer = writer;
    this.#traits = signatureKinds[signature.kind];
    this.#blockLength = signature.blockLength;
    this.#blocks = Math.min(signature.blocks, mostBlocks);
    this.#isWhole = this.#blocks === signature.blocks;
    const recordsLength = this.#blocks * (4 + signature.strongLength);
    const bits = Math.max(6, Math.ceil(Math.log2(this.#blocks * 1.5)));
    const tableAt = aligned(layout.free + recordsLength);
    this.#base = aligned(tableAt + 5 * 2 ** bits);
    const inFours = this.#traits.strong === 'md4' && this.#blockLength <= mostInFours;
    this.#gathered = this.#blockLength * (inFours ? 4 : 1);
    const windowLength = mostLiteral + this.#gathered + this.#blockLength + chunkBytes;
    this.#kernel = Kernel.take(this.#base + windowLength);
    const { bytes, functions } = this.#kernel;
    bytes.set(signature.records.subarray(0, recordsLength), layout.free);
    functions.build(layout.free, signature.strongLength, this.#blocks, tableAt, bits);
    this.#window = bytes.subarray(this.#base, this.#base + windowLength);
  }

  update(bytes: Uint8Array): void {
    let taken = 0;
    while (taken < bytes.length) {
      if (this.#filled === this.#window.length) this.#moveToFront();
      const piece = bytes.subarray(taken, taken + this.#window.length - this.#filled);
      this.#window.set(piece, this.#filled);
      this.#filled += piece.length;
      taken += piece.length;
      this.#mistakesLeft += piece.length * mistakenTimes;
      if (this.#filled - this.#position >= this.#gathered) this.#searchBlocks();
    }
  }

  finish(): void {
    this.#searchBlocks();
    const end = this.#findLastBlock();
    this.#position = end ?? this.#filled;
    this.#writeFullLiterals();
    this.#writeLiteral(this.#position);
    if (end !== undefined) {
      this.#writer.copy((this.#blocks - 1) * this.#blockLength, this.#filled - end);
    }
    this.#kernel.giveBack();
  }

  #moveToFront(): void {
    this.#window.copyWithin(0, this.#start, this.#filled);
    this.#position -= this.#start;
    if (this.#digestsFrom !== undefined) this.#digestsFrom -= this.#start;
    this.#filled -= this.#start;
    this.#start = 0;
  }

  /** Looks at every position whose block is whole. */
  #searchBlocks(): void {
    const { functions } = this.#kernel;
    const length = this.#blockLength;
    const scan = this.#traits.weak === 'rollsum' ? 'scanRollsum' : 'scanRabinKarp';
    for (;;) {
      if (this.#weak === undefined) {
        if (this.#position + length > this.#filled) return;
        this.#weak = functions[this.#traits.weak](this.#base + this.#position, length);
        if (functions.find(this.#weak, 0) !== 0) continue;
      } else {
        this.#position =
          functions[scan](
            this.#base + this.#position,
            this.#base + this.#filled,
            length,
            this.#weak,
          ) - this.#base;
        this.#weak = functions.weak();
        this.#writeFullLiterals();
        if (functions.isKnown() === 0) return;
      }
      const index = this.#matchAt(this.#weak);
      if (index < 0) continue;
      this.#writeLiteral(this.#position);
      this.#writer.copy(index * length, length);
      this.#position += length;
      this.#start = this.#position;
      this.#weak = undefined;
    }
  }

  /**
   * The block of the old file that is at `position`, by both sums: the one behind the block copied last if it may be that, because both
   * then are one copy, else the first one; -1 if there is none.
   */
  #matchAt(weak: number): number {
    if (this.#mistakesLeft < 0) return -1;
    const { functions } = this.#kernel;
    const next = this.#position === this.#start ? this.#writer.copyEnd : undefined;
    const digest = this.#digest(next !== undefined);
    if (next !== undefined) {
      const index = next / this.#blockLength;
      if (index < this.#blocks && functions.isBlock(index, weak, digest) === 1) return index;
    }
    const index = functions.find(weak, digest);
    if (index < 0) this.#mistakesLeft -= this.#blockLength;
    return index;
  }

  /** The address of the strong sum of the block at `position`. A block that follows a copy is likely to be followed by more of them. */
  #digest(followsCopy: boolean): number {
    const { functions } = this.#kernel;
    const length = this.#blockLength;
    if (this.#digestsFrom !== undefined) {
      const lane = (this.#position - this.#digestsFrom) / length;
      if (Number.isInteger(lane) && lane < 4) return digestAt(lane);
    }
    const hasFour = this.#gathered === 4 * length && this.#position + 4 * length <= this.#filled;
    if (followsCopy && hasFour) {
      functions.md4Four(this.#base + this.#position, length);
      this.#digestsFrom = this.#position;
    } else {
      functions[this.#traits.strong](this.#base + this.#position, length);
      this.#digestsFrom = undefined;
    }
    return digestAt();
  }

  /** Where the last block of the old file is at the end of the new one, if it is: it may be shorter than the others. */
  #findLastBlock(): number | undefined {
    if (!this.#isWhole) return undefined;
    const { functions } = this.#kernel;
    const last = this.#blocks - 1;
    const from = this.#weak === undefined ? this.#position : this.#position + 1;
    const rest = this.#window.subarray(from, this.#filled);
    if (rest.length === 0) return undefined;
    const whole = functions[this.#traits.weak](this.#base + from, rest.length);
    let position = from;
    for (const weak of shrinkingSums(this.#traits.weak, whole, rest)) {
      if (this.#mistakesLeft >= 0 && functions.isBlock(last, weak, 0) === 1) {
        functions[this.#traits.strong](this.#base + position, this.#filled - position);
        if (functions.isBlock(last, weak, digestAt()) === 1) return position;
        this.#mistakesLeft -= this.#filled - position;
      }
      position++;
    }
    return undefined;
  }

  #writeFullLiterals(): void {
    while (this.#position - this.#start >= mostLiteral)
      this.#writeLiteral(this.#start + mostLiteral);
  }

  #writeLiteral(end: number): void {
    if (end > this.#start) this.#writer.literal(this.#window.subarray(this.#start, end));
    this.#start = end;
  }
}

function aligned(address: number): number {
  return Math.ceil(address / 16) * 16;
}
