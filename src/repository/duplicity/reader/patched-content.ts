import type { CallOptions } from '../../../base/call-options.ts';
import { DeltaChain, patched } from '../../../codec/rsync/delta-chain.ts';
import { DeltaMap, DeltaParser } from '../../../codec/rsync/delta-map.ts';
import type { TemporaryArea, TemporaryStore } from './temporary-store.ts';

/** Content that comes piece by piece, once. */
export interface ContentReader {
  /** The next piece; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
}

/** The maps of all deltas of a file may have so many pieces, of 16 bytes each; then they are applied one by one. */
const MOST_PIECES = 2 * 1024 * 1024;
/** So many pieces are looked at to find out whether the base is needed in its order. */
const MOST_LOOKED_AT = 256 * 1024;
const PIECE = 256 * 1024;

/**
 * A file that is stored as a base and deltas upon it, written in one pass (docs/formats/duplicity.md 14.1). The deltas are read at once, so that one that is damaged is known before anything is
 * written; the base is streamed where the file needs its parts in their order, else it is put aside.
 */
export class PatchedContent implements Disposable {
  readonly #base: ContentReader;
  readonly #store: TemporaryStore;
  readonly #options: CallOptions;
  readonly #mostPieces: number;
  /** Of each delta that is not applied yet: where its bytes come from, and its literals. */
  #maps: DeltaMap[] = [];
  #literals: TemporaryArea[] = [];
  /** What the first of them applies to; undefined while it is the base itself, not read yet. */
  #aside: TemporaryArea | undefined;

  private constructor(
    base: ContentReader,
    store: TemporaryStore,
    options: CallOptions,
    mostPieces: number,
  ) {
    this.#base = base;
    this.#store = store;
    this.#options = options;
    this.#mostPieces = mostPieces;
  }

  /**
   * Reads the deltas, the oldest first.
   *
   * @throws AppError `repository/damaged` if one of them is damaged or does not fit those before; what the readers throw
   */
  static async open(
    base: ContentReader,
    deltas: readonly ContentReader[],
    store: TemporaryStore,
    options: CallOptions = {},
    mostPieces: number = MOST_PIECES,
  ): Promise<PatchedContent> {
    const content = new PatchedContent(base, store, options, mostPieces);
    try {
      for (const delta of deltas) await content.#take(delta);
      content.#chain();
      return content;
    } catch (error) {
      content[Symbol.dispose]();
      throw error;
    }
  }

  /** Bytes of the newest file. */
  get length(): number {
    return this.#chain().length;
  }

  /**
   * The newest file; once.
   *
   * @throws AppError `repository/damaged` if the base is shorter than it was; what reading the base throws
   */
  async *stream(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#aside === undefined && !this.#isInOrder()) this.#aside = await this.#putAside();
    const aside = this.#aside;
    const base =
      aside === undefined
        ? inOrder(this.#base)
        : (offset: number, length: number) => aside.read(offset, length);
    yield* patched(
      this.#chain(),
      (source, offset, length) =>
        source === 0 ? base(offset, length) : this.#literals[source - 1]!.read(offset, length),
      this.#options,
    );
  }

  [Symbol.dispose](): void {
    this.#aside?.[Symbol.dispose]();
    this.#aside = undefined;
    this.#forget();
  }

  async #take(delta: ContentReader): Promise<void> {
    let applied: TemporaryArea | undefined;
    try {
      this.#begin();
      const parser = new DeltaParser({
        copy: (offset, length) => this.#maps.at(-1)!.copy(offset, length),
        literal: (bytes) => this.#maps.at(-1)!.literal(bytes),
      });
      for (let piece = await delta.read(); piece !== undefined; piece = await delta.read()) {
        this.#options.signal?.throwIfAborted();
        parser.update(piece);
        if (this.#pieces() <= this.#mostPieces) continue;
        applied ??= this.#store.area();
        await this.#apply(applied);
      }
      parser.finish();
      if (applied === undefined) return;
      await this.#apply(applied);
      this.#forget();
      this.#aside?.[Symbol.dispose]();
      this.#aside = applied;
      applied = undefined;
    } finally {
      applied?.[Symbol.dispose]();
    }
  }

  /** Makes room for a delta, or for the rest of one. */
  #begin(): void {
    const literals = this.#store.area();
    this.#literals.push(literals);
    this.#maps.push(new DeltaMap((bytes) => literals.append(bytes)));
  }

  /** Writes what the last delta says so far to `target`, and forgets that part of it. */
  async #apply(target: TemporaryArea): Promise<void> {
    this.#aside ??= await this.#putAside();
    for await (const piece of this.stream()) target.append(piece);
    this.#literals.pop()?.[Symbol.dispose]();
    this.#maps.pop();
    this.#begin();
  }

  #forget(): void {
    for (const area of this.#literals) area[Symbol.dispose]();
    this.#literals = [];
    this.#maps = [];
  }

  #pieces(): number {
    return this.#maps.reduce((sum, { count }) => sum + count, 0);
  }

  #chain(): DeltaChain {
    // How long a base is that was not read yet is seen when it is.
    const length = this.#aside?.length ?? this.#maps[0]?.reach ?? 0;
    return new DeltaChain(length, this.#maps);
  }

  /** Whether the file needs the parts of its base one after the other. */
  #isInOrder(): boolean {
    let end = 0;
    let count = 0;
    for (const { source, offset, length } of this.#chain().pieces()) {
      if (++count > MOST_LOOKED_AT) return false;
      if (source !== 0) continue;
      if (offset < end) return false;
      end = offset + length;
    }
    return true;
  }

  async #putAside(): Promise<TemporaryArea> {
    const area = this.#store.area();
    try {
      for (let piece = await this.#base.read(); piece !== undefined;) {
        this.#options.signal?.throwIfAborted();
        area.append(piece);
        piece = await this.#base.read();
      }
      return area;
    } catch (error) {
      area[Symbol.dispose]();
      throw error;
    }
  }
}

/** Reads at offsets that only grow; fewer bytes at the end. */
function inOrder(content: ContentReader): (offset: number, length: number) => Promise<Uint8Array> {
  let piece: Uint8Array | undefined = new Uint8Array(0);
  /** Where `piece` begins. */
  let position = 0;
  return async (offset, length) => {
    const wanted = Math.min(length, PIECE);
    let gathered: Uint8Array | undefined;
    let filled = 0;
    while (filled < wanted) {
      if (piece === undefined) break;
      if (position + piece.length <= offset + filled) {
        position += piece.length;
        piece = await content.read();
        continue;
      }
      const start = offset + filled - position;
      const part = piece.subarray(start, start + wanted - filled);
      if (part.length === wanted) return part;
      gathered ??= new Uint8Array(wanted);
      gathered.set(part, filled);
      filled += part.length;
    }
    return gathered?.subarray(0, filled) ?? new Uint8Array(0);
  };
}
