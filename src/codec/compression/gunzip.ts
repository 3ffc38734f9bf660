import { createGunzip } from 'node:zlib';
import type { Gunzip } from 'node:zlib';

import { AppError } from '../../base/errors.ts';

/** The output of one turn in the thread pool, in bytes. That of the next one is made while it is used. */
const CHUNK = 256 * 1024;
const gunzipOptions = { chunkSize: CHUNK, highWaterMark: 2 * CHUNK };

/** What zlib says about bytes that are no gzip file or not all of one. */
const damageCodes: ReadonlySet<string> = new Set(['Z_DATA_ERROR', 'Z_BUF_ERROR', 'Z_NEED_DICT']);

/**
 * The content of a gzip file (RFC 1952): one member or several, with nothing behind them but zeros. The sum and the length of each are checked. Anything
 * else, a file that is cut off or empty included, is `repository/damaged`, at the latest at the end. The work is done on Node's thread pool; memory stays
 * flat. What `stored` throws is passed on; it is let go of in any case.
 */
export async function* gunzip(stored: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const unzip = createGunzip(gunzipOptions);
  let failure: { readonly error: unknown } | undefined;
  let isLeft = false;
  const feeding = feed(unzip, stored, () => isLeft).catch((error: unknown) => {
    failure = { error };
    unzip.destroy();
  });
  try {
    for await (const piece of unzip) yield piece as Uint8Array;
    await feeding;
  } catch (error) {
    failure ??= { error: asDamage(error) };
  } finally {
    isLeft = true;
    unzip.destroy();
    await feeding;
  }
  if (failure !== undefined) throw failure.error;
}

/** Gives `stored` to `unzip` until that wants no more or failed, and sees that only zeros follow. */
async function feed(
  unzip: Gunzip,
  stored: AsyncIterable<Uint8Array>,
  isLeft: () => boolean,
): Promise<void> {
  // A write is never answered when the reader leaves before all that came of it was read.
  let leave: (() => void) | undefined;
  unzip.once('close', () => leave?.());
  const write = (piece: Uint8Array): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    leave = resolve;
    // An error is seen by the reader of `unzip`.
    unzip.write(piece, () => resolve());
    return promise;
  };

  let fed = 0;
  let isOver = false;
  for await (const piece of stored) {
    if (isLeft() || (unzip.destroyed && !isOver)) return;
    let rest = piece;
    if (!isOver && piece.length > 0) {
      await write(piece);
      if (isLeft() || unzip.errored !== null) return;
      fed += piece.length;
      isOver = unzip.bytesWritten < fed;
      rest = piece.subarray(piece.length - (fed - unzip.bytesWritten));
    }
    if (rest.some((byte) => byte !== 0)) throw damaged('Something follows its end');
  }
  if (fed === 0) throw damaged('It is empty');
  if (!isOver) unzip.end();
}

function asDamage(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined || !damageCodes.has(code)) return error;
  return damaged('Its content cannot be read', error);
}

function damaged(what: string, cause?: unknown): AppError {
  return new AppError('repository/damaged', `The gzip file is damaged: ${what}`, { cause });
}
