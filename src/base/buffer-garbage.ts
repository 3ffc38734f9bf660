import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { type: 'minor' }) => void;

/** Garbage that may pile up in one thread, in bytes. */
const TOLERATED = 12 * 1024 * 1024;

let collect: Collect | undefined;
let sinceLast = 0;

/**
 * Tells of `bytes` in buffers that were just used up, in a loop that makes little else. V8 sees the small objects that hold buffers, not their memory, and would
 * let 64 MiB and more pile up in every thread, to be found by a slow full collection; a quick one of the youngest objects now and then keeps it at a few MiB.
 */
export function noteBufferGarbage(bytes: number): void {
  sinceLast += bytes;
  if (sinceLast < TOLERATED) return;
  sinceLast = 0;
  collect ??= exposeCollect();
  collect({ type: 'minor' });
}

function exposeCollect(): Collect {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as Collect;
}
