import { AppError } from '../../base/errors.ts';
import { layout } from './kernel-layout.ts';
import { digestAt, Kernel } from './kernel.ts';
import { signatureKindOf, signatureKinds, type SignatureKind } from './signature-kind.ts';

const headerLength = 12;
/** The sums of so many bytes are made at once, if blocks are small. */
const batchBytes = 256 * 1024;
/** Blocks up to this many bytes are taken by fours, as long as there are so many. */
const mostInFours = 1024 * 1024;

/** The longest block that signatures are made and searched with; what a file of 1 PiB gets. */
export const mostBlockLength = 32 * 1024 * 1024;

/**
 * The length of the blocks for a file of `size` bytes: the square root, rounded up to a multiple of 512 (docs/formats/duplicity.md 8.1, rule of
 * 3.0.3), at most `most` where that is given.
 */
export function blockLengthFor(size: number, most: number = mostBlockLength): number {
  const root = Math.floor(Math.sqrt(size));
  const length = Math.max(512, Math.ceil(root / 512) * 512);
  return Math.min(length, most, mostBlockLength);
}

/** Makes the signature of the bytes it is given: docs/formats/duplicity.md 8.1. */
export class SignatureBuilder {
  readonly #kind: SignatureKind;
  readonly #blockLength: number;
  readonly #strongLength: number;
  readonly #batch: number;
  #kernel: Kernel | undefined;
  /** How much of the kernel's window is filled. */
  #filled = 0;
  #out: Uint8Array;
  #view: DataView;
  #length = headerLength;

  /**
   * @param p.kind 'rollsum-md4' by default, what every librsync reads
   * @param p.blockLength in bytes, at most `mostBlockLength`
   * @param p.strongLength how many bytes of each strong sum are kept, 8 by default
   * @throws RangeError if a length cannot be
   */
  constructor(p: { kind?: SignatureKind; blockLength: number; strongLength?: number }) {
    const { kind = 'rollsum-md4', blockLength, strongLength = 8 } = p;
    const { magic, mostStrong } = signatureKinds[kind];
    if (!Number.isInteger(blockLength) || blockLength < 1 || blockLength > mostBlockLength) {
      throw new RangeError(`Not a length of blocks: ${blockLength}`);
    }
    if (!Number.isInteger(strongLength) || strongLength < 1 || strongLength > mostStrong) {
      throw new RangeError(`Not a length of strong sums: ${strongLength}`);
    }
    this.#kind = kind;
    this.#blockLength = blockLength;
    this.#strongLength = strongLength;
    const inFours = blockLength <= mostInFours ? 4 : 1;
    this.#batch = blockLength * Math.max(inFours, Math.floor(batchBytes / blockLength));
    this.#out = new Uint8Array(1024);
    this.#view = new DataView(this.#out.buffer);
    this.#view.setUint32(0, magic);
    this.#view.setUint32(4, blockLength);
    this.#view.setUint32(8, strongLength);
  }

  /** The next bytes of the file. */
  update(bytes: Uint8Array): void {
    let taken = 0;
    while (taken < bytes.length) {
      this.#kernel ??= Kernel.take(layout.free + this.#batch);
      const piece = bytes.subarray(taken, taken + this.#batch - this.#filled);
      this.#kernel.bytes.set(piece, layout.free + this.#filled);
      this.#filled += piece.length;
      taken += piece.length;
      if (this.#filled === this.#batch) this.#sign(this.#kernel);
    }
  }

  /** The end of the file; the whole signature with its header. */
  finish(): Uint8Array {
    if (this.#kernel !== undefined) {
      this.#sign(this.#kernel);
      this.#kernel.giveBack();
      this.#kernel = undefined;
    }
    return this.#out.subarray(0, this.#length);
  }

  #sign(kernel: Kernel): void {
    const { weak, strong } = signatureKinds[this.#kind];
    const { functions } = kernel;
    const length = this.#blockLength;
    this.#reserve(Math.ceil(this.#filled / length) * (4 + this.#strongLength));
    let at = 0;
    const inFours = strong === 'md4' ? this.#filled - (this.#filled % (4 * length)) : 0;
    while (at < inFours) {
      functions.md4Four(layout.free + at, length);
      for (let lane = 0; lane < 4; lane++) {
        this.#record(kernel, functions[weak](layout.free + at, length), digestAt(lane));
        at += length;
      }
    }
    while (at < this.#filled) {
      const rest = Math.min(length, this.#filled - at);
      functions[strong](layout.free + at, rest);
      this.#record(kernel, functions[weak](layout.free + at, rest), digestAt());
      at += rest;
    }
    this.#filled = 0;
  }

  #record(kernel: Kernel, weak: number, from: number): void {
    const { bytes } = kernel;
    this.#view.setInt32(this.#length, weak);
    this.#length += 4;
    for (let index = 0; index < this.#strongLength; index++) {
      this.#out[this.#length++] = bytes[from + index]!;
    }
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#out.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#out.length * 2));
    grown.set(this.#out.subarray(0, this.#length));
    this.#out = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** The sums of a file's blocks, as librsync stores them: docs/formats/duplicity.md 8.1. */
export class Signature {
  readonly kind: SignatureKind;
  /** Bytes of every block but the last, which may be shorter. */
  readonly blockLength: number;
  /** How many bytes of each strong sum there are. */
  readonly strongLength: number;
  /** How many blocks there are; the file had at most `blocks * blockLength` bytes. */
  readonly blocks: number;
  /** For each block the weak sum in four bytes, then the strong one. A view of the bytes that were parsed. */
  readonly records: Uint8Array;

  private constructor(
    kind: SignatureKind,
    blockLength: number,
    strongLength: number,
    records: Uint8Array,
  ) {
    this.kind = kind;
    this.blockLength = blockLength;
    this.strongLength = strongLength;
    this.blocks = records.length / (4 + strongLength);
    this.records = records;
  }

  /**
   * Reads a whole signature of any of the four kinds; keeps a view of `bytes`.
   *
   * @throws AppError `repository/damaged` if it is none
   */
  static parse(bytes: Uint8Array): Signature {
    if (bytes.length < headerLength) throw damaged('is cut off');
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const kind = signatureKindOf(view.getUint32(0));
    if (kind === undefined) throw damaged('is of no known kind');
    const blockLength = view.getUint32(4);
    const strongLength = view.getUint32(8);
    if (blockLength === 0 || blockLength > 0x7fffffff) {
      throw damaged(`has blocks of ${blockLength} bytes`);
    }
    if (strongLength === 0 || strongLength > signatureKinds[kind].mostStrong) {
      throw damaged(`has strong sums of ${strongLength} bytes`);
    }
    const records = bytes.subarray(headerLength);
    if (records.length % (4 + strongLength) !== 0) throw damaged('is cut off');
    return new Signature(kind, blockLength, strongLength, records);
  }
}

function damaged(what: string): AppError {
  return new AppError('repository/damaged', `The signature of a file ${what}`);
}
