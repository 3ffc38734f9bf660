import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError } from '../../../base/errors.ts';

/** Bytes a second below which a transfer counts as stalled. */
const slowest = 4096;

/** Milliseconds that any request may take. */
const shortest = 120_000;

/** Gives up on one request of many when it takes too long for its size, with `storage/unavailable`: the limit of the whole would be hours. */
export async function withinTime<Result>(
  {
    action,
    bytes,
    clock,
  }: { readonly action: string; readonly bytes: number; readonly clock: Clock },
  { signal }: CallOptions,
  work: (options: { readonly signal: AbortSignal }) => Promise<Result>,
): Promise<Result> {
  const over = new AbortController();
  const late = new AbortController();
  clock.sleep(shortest + (bytes / slowest) * 1000, { signal: over.signal }).then(
    () =>
      late.abort(
        new AppError('storage/unavailable', `Cannot ${action}: the service takes too long`),
      ),
    () => undefined,
  );
  try {
    const both = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]);
    return await work({ signal: both });
  } finally {
    over.abort();
  }
}
