import { setFlagsFromString } from 'node:v8';

/** By how many percent memory may grow before it is collected, while there is plenty and when there is not. */
const ROOMY = 400;
const TIGHT = 20;
/** Up to this much memory of the process there is plenty, in bytes. */
const PLENTY = 150 * 1024 * 1024;

let chosen: number | undefined;

/**
 * Lets V8 collect seldom as long as the process is small, and often when it is not. A collection looks at the whole heap, whatever it finds: for a run that uses up buffers all
 * the time, fewer of them are a tenth of the processor's time. To be called now and then; what is chosen counts from the next collection on.
 */
export function adaptHeapGrowth(): void {
  const percent = growthFor(process.memoryUsage.rss());
  if (percent === chosen) return;
  chosen = percent;
  setFlagsFromString(`--heap-growing-percent=${percent}`);
}

/** By how many percent memory may grow while the process has so many bytes. */
export function growthFor(resident: number): number {
  return resident > PLENTY ? TIGHT : ROOMY;
}
