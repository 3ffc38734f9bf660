/** A thread that compresses blocks by libdeflate. What fails ends it. */
import { parentPort } from 'node:worker_threads';

import { deflateLibrary } from '../../base/deflate-library.ts';
import { AppError } from '../../base/errors.ts';
import type { FromDeflateWorker, ToDeflateWorker } from './deflate-messages.ts';
import { deflateBlock } from './library-block.ts';

const port = parentPort!;

port.on('message', ({ memory, start, end, sum, resultAt, level }: ToDeflateWorker) => {
  const library = deflateLibrary();
  if (library === undefined) throw new AppError('internal', 'A thread found no libdeflate');
  const plain = new Uint8Array(memory, start, end - start);
  const out = new Uint8Array(memory, resultAt);
  port.postMessage(deflateBlock(library, { plain, sum }, level, out) satisfies FromDeflateWorker);
});
