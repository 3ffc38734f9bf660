import { AppError } from '../../base/errors.ts';
import { asBuffer } from '../../base/bytes.ts';
import { decodePaxRecords } from './pax-records.ts';
import { extendedHeaderLength, parseTarHeaderBlock } from './tar-block.ts';
import type { TarHeaderBlock } from './tar-block.ts';
import { MAX_PAX_LENGTH, TAR_BLOCK } from './tar-entry.ts';
import type { TarEntry, TarEntryType } from './tar-entry.ts';

/** The longest name in a header of GNU's, in bytes; paths are far shorter. */
const MAX_LONG_NAME = 1024 * 1024;

const SLASH = 0x2f;
const TYPE_FLAG = 156;
const PAX_HEADER = 0x78;
const EMPTY = new Uint8Array(0);

const types: Readonly<Record<string, TarEntryType>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hard-link',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file',
};

/** What an entry's own header may say of its type, as bytes. */
const plainTypes: ReadonlySet<number> = new Set(
  Object.keys(types).map((flag) => flag.charCodeAt(0)),
);

/** What the headers before an entry's own say about it. */
interface Extension {
  records: Map<string, Uint8Array>;
  name?: Uint8Array;
  linkName?: Uint8Array;
}

/**
 * Reads a tar archive from front to back, in the dialects pax, GNU, ustar and V7 (docs/formats/duplicity.md 5). The archive ends with its input or with the
 * first block of zeros; what follows that is read to its end, so that the input can check its sums, and ignored. Damage, which includes an input that ends
 * within an entry, is `repository/damaged`; sparse files are `repository/unsupported`. What the input throws is passed on.
 */
export class TarReader {
  readonly #input: AsyncIterator<Uint8Array>;
  /** What the input gave last, of which the first `#offset` bytes are used. */
  #piece: Uint8Array = EMPTY;
  #offset = 0;
  /** Bytes of the current entry's content that were not read, and the padding after them. */
  #left = 0;
  #padding = 0;
  #over = false;
  #globals: Map<string, Uint8Array> = new Map();
  #globalLength = 0;

  constructor(plain: AsyncIterable<Uint8Array>) {
    this.#input = plain[Symbol.asyncIterator]();
  }

  /** The next entry, past what was not read of the current one; undefined at the end. Of an archive of small entries nearly all are here already: then there is no promise. */
  next(): TarEntry | undefined | Promise<TarEntry | undefined> {
    if (this.#over) return undefined;
    const unread = this.#left + this.#padding;
    if (unread > this.#piece.length - this.#offset) return this.#nextFromInput(unread);
    this.#offset += unread;
    this.#left = 0;
    this.#padding = 0;
    return this.#nextHere() ?? this.#nextFromInput(0);
  }

  /** The next entry if its headers are here and of the plain kind: one header, after at most one of pax. Else nothing was done. */
  #nextHere(): TarEntry | undefined {
    const piece = this.#piece;
    let at = this.#offset;
    if (at + TAR_BLOCK > piece.length) return undefined;
    let records = this.#globals;
    if (piece[at + TYPE_FLAG] === PAX_HEADER) {
      const length = extendedHeaderLength(piece, at);
      const body = at + TAR_BLOCK;
      at = body + Math.ceil(length / TAR_BLOCK) * TAR_BLOCK;
      if (length > MAX_PAX_LENGTH || at + TAR_BLOCK > piece.length) return undefined;
      records = merged(this.#globals, decodePaxRecords(piece.subarray(body, body + length)));
    }
    if (!plainTypes.has(piece[at + TYPE_FLAG]!)) return undefined;
    const header = parseTarHeaderBlock(piece.subarray(at, at + TAR_BLOCK));
    if (header === undefined) return undefined;
    this.#offset = at + TAR_BLOCK;
    return this.#entry(header, { records });
  }

  /** The same wherever the headers are and whatever they are, past `unread` bytes. */
  async #nextFromInput(unread: number): Promise<TarEntry | undefined> {
    await this.#skip(unread);
    this.#left = 0;
    this.#padding = 0;
    const extension: Extension = { records: this.#globals };
    let isExtended = false;
    for (;;) {
      const block = this.#buffered(TAR_BLOCK) ?? (await this.#gathered(TAR_BLOCK));
      const header = block === undefined ? undefined : parseTarHeaderBlock(block);
      if (header === undefined) {
        if (isExtended) throw damaged('It ends before the entry that a header announced');
        this.#over = true;
        if (block !== undefined) await this.#drain();
        return undefined;
      }
      if (!(await this.#extend(extension, header))) return this.#entry(header, extension);
      isExtended ||= header.typeFlag !== 'g';
    }
  }

  /** The next piece of the current entry's content, often a view of what the input gave; undefined at its end. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#left === 0) return undefined;
    while (this.#offset === this.#piece.length) await this.#refill();
    const end = Math.min(this.#piece.length, this.#offset + this.#left);
    const content = this.#piece.subarray(this.#offset, end);
    this.#left -= content.length;
    this.#offset = end;
    return content;
  }

  /** Lets go of the input, wherever reading is. */
  async close(): Promise<void> {
    this.#over = true;
    this.#left = 0;
    this.#piece = EMPTY;
    this.#offset = 0;
    await this.#input.return?.();
  }

  /** Takes a header that belongs to a later one; false when it is an entry's own. */
  async #extend(extension: Extension, header: TarHeaderBlock): Promise<boolean> {
    switch (header.typeFlag) {
      case 'x':
      case 'X': {
        const records = decodePaxRecords(await this.#body(header.size, MAX_PAX_LENGTH));
        extension.records = merged(this.#globals, records);
        return true;
      }
      case 'g': {
        this.#globalLength += header.size;
        if (this.#globalLength > MAX_PAX_LENGTH) throw damaged('Its global headers are too long');
        const records = decodePaxRecords(await this.#body(header.size, MAX_PAX_LENGTH));
        this.#globals = merged(this.#globals, records);
        extension.records = merged(this.#globals, extension.records);
        return true;
      }
      case 'L':
        extension.name = untilNul(await this.#body(header.size, MAX_LONG_NAME));
        return true;
      case 'K':
        extension.linkName = untilNul(await this.#body(header.size, MAX_LONG_NAME));
        return true;
      case 'S':
        throw sparse();
      default:
        return false;
    }
  }

  #entry(header: TarHeaderBlock, extension: Extension): TarEntry {
    const { records: all } = extension;
    // Those of an entry are its own; those of the whole archive stay.
    const own = all === this.#globals ? new Map(all) : all;
    const records = own.size === 0 ? undefined : own;
    const field = (key: string): Uint8Array | undefined => {
      const value = records?.get(key);
      if (value === undefined) return undefined;
      records?.delete(key);
      // An empty record stands for none.
      return value.length === 0 ? undefined : value;
    };
    field('hdrcharset');
    for (const key of records?.keys() ?? []) if (key.startsWith('GNU.sparse.')) throw sparse();
    const name = field('path') ?? extension.name ?? header.name;
    const type =
      header.typeFlag === '\0' && name.at(-1) === SLASH
        ? 'directory'
        : (types[header.typeFlag] ?? 'unknown');
    const size = wholeNumber('size', field('size')) ?? header.size;
    if (size < 0) throw damaged('An entry has a negative size');
    const hasContent = type === 'file' || type === 'unknown';
    const isDevice = type === 'character-device' || type === 'block-device';
    this.#left = hasContent ? size : 0;
    this.#padding = (TAR_BLOCK - (this.#left % TAR_BLOCK)) % TAR_BLOCK;
    return {
      name,
      type,
      mode: header.mode,
      uid: wholeNumber('uid', field('uid')) ?? header.uid,
      gid: wholeNumber('gid', field('gid')) ?? header.gid,
      user: ownerOf(field('uname'), header.user),
      group: ownerOf(field('gname'), header.group),
      mtime: wholeNumber('mtime', field('mtime')) ?? header.mtime,
      size: this.#left,
      linkName: field('linkpath') ?? extension.linkName ?? header.linkName,
      deviceMajor: isDevice ? header.deviceMajor : 0,
      deviceMinor: isDevice ? header.deviceMinor : 0,
      records: records ?? noRecords,
    };
  }

  /** The body of an extended header, without its padding. */
  async #body(size: number, most: number): Promise<Uint8Array> {
    if (size > most) throw damaged('An extended header is too long');
    const padded = Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
    if (padded === 0) return EMPTY;
    const body = this.#buffered(padded) ?? (await this.#gathered(padded));
    if (body === undefined) throw cut();
    return body.subarray(0, size);
  }

  /** The next `length` bytes if they are here already. */
  #buffered(length: number): Uint8Array | undefined {
    const end = this.#offset + length;
    if (end > this.#piece.length) return undefined;
    const bytes = this.#piece.subarray(this.#offset, end);
    this.#offset = end;
    return bytes;
  }

  /** The next `length` bytes, from several pieces; undefined when there is not one byte more. */
  async #gathered(length: number): Promise<Uint8Array | undefined> {
    while (this.#offset === this.#piece.length) if (!(await this.#fill())) return undefined;
    const bytes = new Uint8Array(length);
    let filled = 0;
    for (;;) {
      const part = this.#piece.subarray(this.#offset, this.#offset + length - filled);
      bytes.set(part, filled);
      filled += part.length;
      this.#offset += part.length;
      if (filled === length) return bytes;
      await this.#refill();
    }
  }

  async #skip(length: number): Promise<void> {
    let left = length;
    for (;;) {
      const here = Math.min(left, this.#piece.length - this.#offset);
      this.#offset += here;
      left -= here;
      if (left === 0) return;
      await this.#refill();
    }
  }

  async #drain(): Promise<void> {
    while (await this.#fill());
    this.#piece = EMPTY;
    this.#offset = 0;
  }

  async #refill(): Promise<void> {
    if (!(await this.#fill())) throw cut();
  }

  /** Takes the next piece of the input, the last one being used up; false at the end. */
  async #fill(): Promise<boolean> {
    const result = await this.#input.next();
    this.#offset = 0;
    this.#piece = EMPTY;
    if (result.done === true) return false;
    const { buffer, byteOffset, byteLength } = result.value;
    // Never a `Buffer`, whose `slice` does not copy.
    this.#piece = new Uint8Array(buffer, byteOffset, byteLength);
    return true;
  }
}

const noRecords: ReadonlyMap<string, Uint8Array> = new Map();

function merged(
  older: Map<string, Uint8Array>,
  newer: Map<string, Uint8Array>,
): Map<string, Uint8Array> {
  return older.size === 0 ? newer : new Map([...older, ...newer]);
}

function untilNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes.slice() : bytes.slice(0, end);
}

function ownerOf(record: Uint8Array | undefined, field: string): string | undefined {
  const name = record === undefined ? field : asBuffer(record).toString('utf8');
  return name === '' ? undefined : name;
}

/** A number of a pax record; a fraction is dropped. */
function wholeNumber(key: string, bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined) return undefined;
  const text = asBuffer(bytes).toString('latin1');
  const number = /^-?\d{1,20}(?:\.\d*)?$/u.test(text) ? Math.trunc(Number(text)) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw damaged(`A pax header has an impossible ${key}`);
  // Not -0.
  return number + 0;
}

function damaged(what: string): AppError {
  return new AppError('repository/damaged', `The tar archive is damaged: ${what}`);
}

function cut(): AppError {
  return damaged('It ends within an entry');
}

function sparse(): AppError {
  return new AppError(
    'repository/unsupported',
    'The tar archive holds a sparse file, which duplicity never writes',
  );
}
