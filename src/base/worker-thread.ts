import { setFlagsFromString } from 'node:v8';
import { Worker, type WorkerOptions } from 'node:worker_threads';

export type ThreadOptions = Omit<WorkerOptions, 'resourceLimits'>;

/** MiB; the young generation of a thread is three times as large. */
const semiSpace = 2;

/**
 * Starts a thread with a small young generation: what our threads make besides buffers is little and lives shortly, and would otherwise only pile up as garbage.
 * `resourceLimits` do not do that, since what the program itself was started with comes before them. The heaps of running threads stay as they are.
 */
export function startThread(script: URL, options: ThreadOptions): Worker {
  setFlagsFromString(`--min-semi-space-size=${semiSpace}`);
  setFlagsFromString(`--max-semi-space-size=${semiSpace}`);
  return new Worker(script, options);
}
