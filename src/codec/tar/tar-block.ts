import { asBuffer } from '../../base/bytes.ts';
import { AppError } from '../../base/errors.ts';
import { TAR_BLOCK } from './tar-entry.ts';

/** A header block as it stands in the archive, before extended headers are applied. Texts are copies. */
export interface TarHeaderBlock {
  /** With the prefix field joined in. */
  readonly name: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  /** `\0` for what is older than ustar. */
  readonly typeFlag: string;
  readonly linkName: Uint8Array;
  /** Empty for none. */
  readonly user: string;
  readonly group: string;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

const SLASH = 0x2f;
const EMPTY = new Uint8Array(0);
const SUM_FIELD = 148;
const SUM_END = 156;
const HIGH_BITS = 0x8080_8080 | 0;

/**
 * Reads a header block in the dialects ustar, pax, GNU and V7 (docs/formats/duplicity.md 5); undefined for a block of zeros, which ends an archive. Throws
 * `repository/damaged` when the sum or a number is wrong. The sum may have been made of signed bytes, as some old programs did.
 */
export function parseTarHeaderBlock(block: Uint8Array): TarHeaderBlock | undefined {
  if (!isSumRight(block, 0)) return undefined;
  const name = textAt(block, 0, 100);
  // Only here: GNU's own headers keep times in the place of the prefix.
  const isPosix = block[262] === 0 && block[257] === 0x75;
  const prefix = isPosix && block[345] !== 0 ? textAt(block, 345, 500) : undefined;
  const size = numberAt(block, 124, 136);
  if (size < 0) throw damaged('An entry has a negative size');
  return {
    name: prefix === undefined ? name : joined(prefix, name),
    mode: numberAt(block, 100, 108) & 0o7777,
    uid: numberAt(block, 108, 116),
    gid: numberAt(block, 116, 124),
    size,
    mtime: numberAt(block, 136, 148),
    typeFlag: String.fromCharCode(block[156]!),
    linkName: textAt(block, 157, 257),
    user: ownerAt(block, 265, 297),
    group: ownerAt(block, 297, 329),
    deviceMajor: numberAt(block, 329, 337),
    deviceMinor: numberAt(block, 337, 345),
  };
}

/** How long the body is that an extended header at `start` announces. Throws as `parseTarHeaderBlock`. */
export function extendedHeaderLength(bytes: Uint8Array, start: number): number {
  isSumRight(bytes, start);
  const length = numberAt(bytes, start + 124, start + 136);
  if (length < 0) throw damaged('An entry has a negative size');
  return length;
}

/** Whether a block with the right sum begins at `start`; false for one of zeros, and any other is thrown. */
function isSumRight(bytes: Uint8Array, start: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, TAR_BLOCK);
  // Four bytes at a time: the sums of those at even places and of those at odd ones never get longer than 16 bits.
  let even = 0;
  let odd = 0;
  let all = 0;
  for (let at = 0; at < TAR_BLOCK; at += 4) {
    const word = view.getInt32(at, true);
    all |= word;
    even += word & 0xff00ff;
    odd += (word >>> 8) & 0xff00ff;
  }
  if (all === 0) return false;
  let sum = (even & 0xffff) + (even >>> 16) + (odd & 0xffff) + (odd >>> 16);
  for (let at = start + SUM_FIELD; at < start + SUM_END; at += 1) sum += 0x20 - bytes[at]!;
  const wanted = numberAt(bytes, start + SUM_FIELD, start + SUM_END);
  if (wanted === sum) return true;
  // Some old programs took bytes as signed.
  const negative = (all & HIGH_BITS) === 0 ? 0 : 256 * highBytes(bytes, start);
  if (wanted !== sum - negative) throw damaged('A header has the wrong sum');
  return true;
}

/** How many bytes of a block, without those of the sum, have their highest bit set. */
function highBytes(bytes: Uint8Array, start: number): number {
  let count = 0;
  for (let at = 0; at < TAR_BLOCK; at += 1) {
    const isSum = at >= SUM_FIELD && at < SUM_END;
    if (!isSum && bytes[start + at]! > 0x7f) count += 1;
  }
  return count;
}

/** The bytes before the first NUL of a field, copied. */
function textAt(block: Uint8Array, start: number, end: number): Uint8Array {
  const stop = endOfText(block, start, end);
  return stop === start ? EMPTY : block.slice(start, stop);
}

/** An account's name: few bytes, nearly always ASCII, for which no decoder is worth its start. */
function ownerAt(block: Uint8Array, start: number, end: number): string {
  const stop = endOfText(block, start, end);
  let text = '';
  for (let at = start; at < stop; at += 1) {
    const byte = block[at]!;
    if (byte > 0x7f) return asBuffer(block).toString('utf8', start, stop);
    text += String.fromCharCode(byte);
  }
  return text;
}

function endOfText(block: Uint8Array, start: number, end: number): number {
  let stop = start;
  while (stop < end && block[stop] !== 0) stop += 1;
  return stop;
}

function joined(prefix: Uint8Array, name: Uint8Array): Uint8Array {
  const whole = new Uint8Array(prefix.length + 1 + name.length);
  whole.set(prefix);
  whole[prefix.length] = SLASH;
  whole.set(name, prefix.length + 1);
  return whole;
}

/** An octal number with blanks around it and a NUL behind it, or GNU's form: a first byte with the top bit set, then base 256. Nothing is 0. */
function numberAt(block: Uint8Array, start: number, end: number): number {
  if ((block[start]! & 0x80) !== 0) return base256At(block, start, end);
  let value = 0;
  let at = start;
  while (at < end && block[at] === 0x20) at += 1;
  for (; at < end; at += 1) {
    const digit = block[at]! - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  while (at < end && block[at] === 0x20) at += 1;
  if (at < end && block[at] !== 0) {
    const field = asBuffer(block).toString('latin1', start, end);
    throw damaged(`A header has ${JSON.stringify(field)} in the place of a number`);
  }
  return value;
}

function base256At(block: Uint8Array, start: number, end: number): number {
  const isNegative = (block[start]! & 0x40) !== 0;
  let value = isNegative ? -1 : 0;
  value = value * 64 + (block[start]! & 0x3f);
  for (let at = start + 1; at < end; at += 1) value = value * 256 + block[at]!;
  if (!Number.isSafeInteger(value)) throw damaged('A header has a number beyond all bounds');
  return value;
}

function damaged(what: string): AppError {
  return new AppError('repository/damaged', `The tar archive is damaged: ${what}`);
}
