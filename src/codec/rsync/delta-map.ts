import { AppError } from '../../base/errors.ts';
import { deltaMagic, opcodes } from './delta-commands.ts';

/** What a delta says, in its order. */
export interface DeltaHandler {
  /** The new file goes on with `length` bytes of the old one from `offset` on; both are below 2^53, and so is their sum. */
  copy(offset: number, length: number): void;
  /** The new file goes on with these bytes: a view of what was given to the parser. One literal may come in several pieces. */
  literal(bytes: Uint8Array): void;
}

const mostHeader = 17;

/**
 * Reads a delta in whatever pieces it comes: docs/formats/duplicity.md 8.2. The handler hears of nothing that breaks a rule, but of what was
 * before it.
 */
export class DeltaParser {
  readonly #handler: DeltaHandler;
  /** The magic number or the command that is not complete yet. */
  readonly #header = new Uint8Array(mostHeader);
  readonly #view = new DataView(this.#header.buffer);
  #headerLength = 0;
  #wanted = 4;
  #isStarted = false;
  #isEnded = false;
  /** How much of the current literal is still to come. */
  #literalLeft = 0;

  constructor(handler: DeltaHandler) {
    this.#handler = handler;
  }

  /**
   * The next bytes of the delta.
   *
   * @throws AppError `repository/damaged` if they break a rule
   */
  update(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#isEnded) throw damaged('goes on after its end');
      if (this.#literalLeft > 0) {
        const piece = bytes.subarray(at, at + this.#literalLeft);
        at += piece.length;
        this.#literalLeft -= piece.length;
        this.#handler.literal(piece);
        continue;
      }
      this.#header[this.#headerLength++] = bytes[at++]!;
      if (this.#isStarted && this.#headerLength === 1)
        this.#wanted = headerLength(this.#header[0]!);
      if (this.#headerLength === this.#wanted) this.#command();
    }
  }

  /**
   * The end of the delta.
   *
   * @throws AppError `repository/damaged` if there must be more
   */
  finish(): void {
    if (!this.#isEnded) throw damaged('is cut off');
  }

  #command(): void {
    this.#headerLength = 0;
    if (!this.#isStarted) {
      if (this.#view.getUint32(0) !== deltaMagic) throw damaged('does not begin like one');
      this.#isStarted = true;
      return;
    }
    const opcode = this.#header[0]!;
    if (opcode === opcodes.end) {
      this.#isEnded = true;
    } else if (opcode < opcodes.literal) {
      this.#literalLeft = opcode;
    } else if (opcode < opcodes.copy) {
      this.#literalLeft = this.#length(1, this.#wanted - 1);
    } else {
      const offsetWidth = 2 ** ((opcode - opcodes.copy) >> 2);
      const offset = this.#number(1, offsetWidth);
      const length = this.#length(1 + offsetWidth, this.#wanted - 1 - offsetWidth);
      if (offset + length > Number.MAX_SAFE_INTEGER)
        throw damaged('copies from an impossible place');
      this.#handler.copy(offset, length);
    }
  }

  #length(at: number, width: number): number {
    const length = this.#number(at, width);
    if (length === 0) throw damaged('has a command for no bytes');
    return length;
  }

  #number(at: number, width: number): number {
    if (width === 1) return this.#view.getUint8(at);
    if (width === 2) return this.#view.getUint16(at);
    if (width === 4) return this.#view.getUint32(at);
    const value = Number(this.#view.getBigUint64(at));
    if (!Number.isSafeInteger(value)) throw damaged('has an impossible number');
    return value;
  }
}

/** Bytes of a command without the data of a literal. */
function headerLength(opcode: number): number {
  if (opcode < opcodes.literal) return 1;
  if (opcode < opcodes.copy) return 1 + 2 ** (opcode - opcodes.literal);
  if (opcode >= opcodes.reserved) throw damaged(`has an unknown command ${opcode.toString(16)}`);
  const form = opcode - opcodes.copy;
  return 1 + 2 ** (form >> 2) + 2 ** (form & 3);
}

function damaged(what: string): AppError {
  return new AppError('repository/damaged', `The delta of a file ${what}`);
}

const firstEntries = 16;
const blockEntries = 65536;

/** A part of a new file. */
export interface MappedPiece {
  /** Where it begins in the new file, and where it ends. */
  readonly start: number;
  readonly end: number;
  readonly isLiteral: boolean;
  /** Where it begins in the old file, or in the literals of the delta put one behind the other. */
  readonly offset: number;
}

/**
 * Where each byte of a new file comes from: what a delta says, without the literals themselves. Be it the handler of a `DeltaParser`.
 *
 * Takes 16 bytes for each piece; what follows each other in the old file, or in the literals, is one piece.
 */
export class DeltaMap implements DeltaHandler {
  readonly #keep: (bytes: Uint8Array) => void;
  /** Where pieces begin in the new file, and where they come from: an offset in the old file, or -1 - an offset in the literals. */
  readonly #starts: Float64Array[] = [];
  readonly #origins: Float64Array[] = [];
  #count = 0;
  #length = 0;
  #literalLength = 0;
  #reach = 0;
  /** What a piece would have to begin with to be a part of the last one. */
  #continued: number | undefined;

  /** @param keep gets the literals, to be put one behind the other */
  constructor(keep: (bytes: Uint8Array) => void) {
    this.#keep = keep;
  }

  /** How many pieces there are. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of the new file. */
  get length(): number {
    return this.#length;
  }

  /** Bytes of all literals. */
  get literalLength(): number {
    return this.#literalLength;
  }

  /** How many bytes the old file must have. */
  get reach(): number {
    return this.#reach;
  }

  copy(offset: number, length: number): void {
    if (this.#continued !== offset) this.#add(offset);
    this.#continued = offset + length;
    this.#reach = Math.max(this.#reach, offset + length);
    this.#grow(length);
  }

  literal(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const origin = -1 - this.#literalLength;
    if (this.#continued !== origin) this.#add(origin);
    this.#literalLength += bytes.length;
    this.#continued = -1 - this.#literalLength;
    this.#grow(bytes.length);
    this.#keep(bytes);
  }

  /** The piece of this number, from 0 on. */
  piece(index: number): MappedPiece {
    const block = Math.floor(index / blockEntries);
    const origin = this.#origins[block]![index % blockEntries]!;
    const isLiteral = origin < 0;
    return {
      start: this.#startOf(index),
      end: index + 1 < this.#count ? this.#startOf(index + 1) : this.#length,
      isLiteral,
      offset: isLiteral ? -1 - origin : origin,
    };
  }

  /** The number of the piece that the byte at `position` of the new file, below `length`, belongs to. */
  find(position: number): number {
    let low = 0;
    let high = this.#count - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#startOf(middle) <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #startOf(index: number): number {
    return this.#starts[Math.floor(index / blockEntries)]![index % blockEntries]!;
  }

  #add(origin: number): void {
    const block = Math.floor(this.#count / blockEntries);
    const at = this.#count % blockEntries;
    if (at === (this.#starts[block]?.length ?? 0)) {
      this.#starts[block] = enlarged(this.#starts[block]);
      this.#origins[block] = enlarged(this.#origins[block]);
    }
    this.#starts[block]![at] = this.#length;
    this.#origins[block]![at] = origin;
    this.#count++;
  }

  #grow(length: number): void {
    this.#length += length;
    if (this.#length > Number.MAX_SAFE_INTEGER) throw damaged('makes an impossibly long file');
  }
}

function enlarged(block: Float64Array | undefined): Float64Array {
  if (block === undefined) return new Float64Array(firstEntries);
  const twice = new Float64Array(Math.min(blockEntries, block.length * 2));
  twice.set(block);
  return twice;
}
