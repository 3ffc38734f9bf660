import type { CallOptions } from '../../base/call-options.ts';
import { AppError } from '../../base/errors.ts';
import type { DeltaMap } from './delta-map.ts';

/** Bytes that are the next of a file. */
export interface DeltaPiece {
  /** 0 is the base; i are the literals of the i-th delta, put one behind the other. */
  readonly source: number;
  readonly offset: number;
  readonly length: number;
}

interface Frame {
  /** Pieces of the file after so many deltas… */
  readonly level: number;
  /** …from here… */
  position: number;
  /** …to here are still to be told. */
  readonly end: number;
  /** The piece that `position` is in. */
  index: number;
}

/**
 * A file as the base and all deltas in a row: says where its bytes come from, so that it can be written in one pass without the files in
 * between (docs/formats/duplicity.md 14.1).
 *
 * Pieces are found while they are asked for: memory is that of the maps, however often deltas repeat parts of a file.
 */
export class DeltaChain {
  readonly #baseLength: number;
  readonly #maps: readonly DeltaMap[];

  /**
   * @param baseLength bytes of the base
   * @param maps of the deltas, the oldest first
   * @throws AppError `repository/damaged` if a delta copies from outside of the file that it belongs to
   */
  constructor(baseLength: number, maps: readonly DeltaMap[]) {
    this.#baseLength = baseLength;
    this.#maps = maps;
    let length = baseLength;
    for (const map of maps) {
      if (map.reach > length) {
        throw new AppError(
          'repository/damaged',
          `The delta of a file copies up to byte ${map.reach} of ${length}`,
        );
      }
      length = map.length;
    }
  }

  /** Bytes of the newest file. */
  get length(): number {
    return this.#maps.at(-1)?.length ?? this.#baseLength;
  }

  /** Where the bytes of the newest file come from, in their order; what follows each other in its source is one piece. */
  *pieces(): Generator<DeltaPiece> {
    let last: { source: number; offset: number; length: number } | undefined;
    for (const piece of this.#parts()) {
      if (last?.source === piece.source && last.offset + last.length === piece.offset) {
        last.length += piece.length;
        continue;
      }
      if (last !== undefined) yield last;
      last = { ...piece };
    }
    if (last !== undefined) yield last;
  }

  *#parts(): Generator<DeltaPiece> {
    const stack: Frame[] = [];
    const descend = (level: number, position: number, end: number): void => {
      if (position === end) return;
      const index = level === 0 ? 0 : this.#maps[level - 1]!.find(position);
      stack.push({ level, position, end, index });
    };
    descend(this.#maps.length, 0, this.length);
    for (;;) {
      const frame = stack.at(-1);
      if (frame === undefined) return;
      const { level, position, end } = frame;
      if (level === 0) {
        stack.pop();
        yield { source: 0, offset: position, length: end - position };
        continue;
      }
      const piece = this.#maps[level - 1]!.piece(frame.index);
      const length = Math.min(piece.end, end) - position;
      const offset = piece.offset + position - piece.start;
      frame.position += length;
      frame.index++;
      // A frame that has told everything must not wait below: the stack would be as deep as the longest row of copies.
      if (frame.position === end) stack.pop();
      if (piece.isLiteral) yield { source: level, offset, length };
      else descend(level - 1, offset, offset + length);
    }
  }
}

const mostRead = 256 * 1024;

/**
 * The bytes of the newest file of a chain, in order.
 *
 * @param read gives `length` bytes, at most 256 KiB, from `offset` on of source 0, the base, or i, the literals of the i-th delta
 * @throws AppError `repository/damaged` if a source has fewer bytes than it should
 */
export async function* patched(
  chain: DeltaChain,
  read: (source: number, offset: number, length: number) => Uint8Array | Promise<Uint8Array>,
  { signal }: CallOptions = {},
): AsyncGenerator<Uint8Array> {
  for (const { source, offset, length } of chain.pieces()) {
    for (let done = 0; done < length;) {
      signal?.throwIfAborted();
      const wanted = Math.min(mostRead, length - done);
      const bytes = await read(source, offset + done, wanted);
      if (bytes.length !== wanted) {
        const what = source === 0 ? 'older version' : 'delta';
        throw new AppError('repository/damaged', `The ${what} of a file is shorter than it was`);
      }
      yield bytes;
      done += wanted;
    }
  }
}
