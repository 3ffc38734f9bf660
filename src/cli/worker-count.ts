import { availableParallelism } from 'node:os';

const MOST = 8;
/** What a worker needs at most, in bytes. */
const MEMORY = 60 * 1024 * 1024;

/** How many threads work on content: what was asked for, else as many as there are cores, bounded by half of the memory that is free. */
export function workerCount(asked: number | undefined): number {
  if (asked !== undefined) return asked;
  const byMemory = Math.floor(process.availableMemory() / 2 / MEMORY);
  return Math.max(1, Math.min(MOST, availableParallelism(), byMemory));
}
