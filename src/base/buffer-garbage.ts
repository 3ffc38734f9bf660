import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { type: 'major' }) => void;

/** Garbage that may pile up in one thread, in bytes. */
const TOLERATED = 16 * 1024 * 1024;

let collect: Collect | undefined;
let sinceLast = 0;

/**
 * Tells of `bytes` in buffers that were just used up, in a loop that makes little else. V8 sees the small objects that hold buffers, not
 * their memory, and would let 64 MiB and more pile up in every thread. Only a full collection finds them: those of `node:zlib` hang on
 * objects that a collection of the youngest takes for alive. In a thread with a small heap one takes a few milliseconds.
 */
export function noteBufferGarbage(bytes: number): void {
  sinceLast += bytes;
  if (sinceLast < TOLERATED) return;
  sinceLast = 0;
  collect ??= exposeCollect();
  collect({ type: 'major' });
}

function exposeCollect(): Collect {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as Collect;
}
