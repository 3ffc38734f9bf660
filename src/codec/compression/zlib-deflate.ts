import { constants, deflateRaw } from 'node:zlib';

import { discardBytes } from '../../base/discard-bytes.ts';
import type { BlockDeflate } from './block-deflate.ts';
import { cutRuns, type Run } from './incompressible-runs.ts';
import { stored, storedLength } from './stored-blocks.ts';

/** How far back deflate refers; so much of what came before a block is shown to its compressor. */
const WINDOW = 32 * 1024;

/** By `node:zlib`, on Node's thread pool: each block is primed with the 32 KiB before it and ends with a sync flush (as pigz does). */
export const zlibDeflate: BlockDeflate = {
  blockLength: 128 * 1024,
  windowLength: WINDOW,
  /** The size of the thread pool. */
  concurrency: 4,
  isReadBack: false,
  memory: (length) => new Uint8Array(length),
  async deflate({ bytes, start, end }, level) {
    const runs = cutRuns(bytes, start, end, WINDOW);
    const pieces = await Promise.all(runs.map((run) => compressedRun(bytes, run, level)));
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const isLonger = length > storedLength(end - start);
    return { pieces: isLonger ? [stored(bytes.subarray(start, end))] : pieces, sum: undefined };
  },
};

async function compressedRun(
  bytes: Uint8Array,
  { isIncompressible, start, end }: Run,
  level: number,
): Promise<Uint8Array> {
  const plain = bytes.subarray(start, end);
  if (isIncompressible) return stored(plain);
  const window = bytes.subarray(Math.max(0, start - WINDOW), start);
  const made = await deflated(plain, window, level, storedLength(plain.length));
  if (made.length >= plain.length / 2) return made;
  // A short result must not keep the long buffer it was made in.
  const copy = Uint8Array.from(made);
  discardBytes(made);
  return copy;
}

function deflated(
  plain: Uint8Array,
  window: Uint8Array,
  level: number,
  most: number,
): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  deflateRaw(
    plain,
    {
      level,
      ...(window.length === 0 ? {} : { dictionary: window }),
      finishFlush: constants.Z_SYNC_FLUSH,
      // The output in one piece and one turn in the thread pool; with the 16 KiB of the default there are many.
      chunkSize: most + (most >>> 8) + 1024,
    },
    (error, bytes) => {
      if (error === null) resolve(bytes);
      else reject(error);
    },
  );
  return promise;
}
