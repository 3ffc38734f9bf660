import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import { blobType } from '../content/blob-id.ts';
import type { TreeEntry } from '../content/tree.ts';
import type { BlobReader } from './blob-reader.ts';
import { readContentItems } from './tree-reader.ts';

/** Which part of a file; `length` undefined: up to its end. */
export interface ContentRange extends CallOptions {
  readonly offset?: number;
  readonly length?: number | undefined;
}

/** Chunks fetched ahead of the one that is being used. */
const AHEAD = 4;
const ZEROS = new Uint8Array(1024 * 1024);

interface Part {
  readonly id: Uint8Array | undefined;
  readonly length: number;
  /** Of the chunk. */
  readonly from: number;
  readonly to: number;
}

/**
 * The bytes of a file, or of a range of it, in order; holes as zeros. What is beyond the end is left out. The pieces are views, to be read only.
 *
 * @throws AppError `input/invalid` if the entry is no file, `repository/damaged`, and what `BlobReader.read` throws
 */
export async function* readContent(
  blobs: BlobReader,
  entry: TreeEntry,
  { offset = 0, length, signal }: ContentRange = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  if (entry.type !== 'file') {
    throw new AppError('input/invalid', `Only files have content, and this is a ${entry.type}`);
  }
  const end = Math.min(entry.size, length === undefined ? Infinity : offset + length);
  const pieces = mapPool(
    partsOf(blobs, entry, offset, end, signal),
    AHEAD,
    async (part, call) => {
      if (part.id === undefined) return part;
      const bytes = await blobs.read(blobType.data, part.id, part.length, call);
      return bytes.subarray(part.from, part.to);
    },
    { signal },
  );
  for await (const piece of pieces) {
    if (piece instanceof Uint8Array) yield piece;
    else yield* zeros(piece.to - piece.from);
  }
}

async function* partsOf(
  blobs: BlobReader,
  { content, size }: TreeEntry,
  offset: number,
  end: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Part, void, undefined> {
  let position = 0;
  if (content !== undefined) {
    for await (const { id, length } of readContentItems(blobs, content, { signal })) {
      const from = Math.max(0, offset - position);
      const to = Math.min(length, end - position);
      position += length;
      if (from < to) yield { id, length, from, to };
      if (position >= end && position < size) return;
    }
  }
  if (position !== size) {
    throw new AppError('repository/damaged', 'The content of a file is not as long as the file');
  }
}

function* zeros(length: number): Generator<Uint8Array, void, undefined> {
  for (let left = length; left > 0; left -= ZEROS.length) {
    yield left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS;
  }
}
