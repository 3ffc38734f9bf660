import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';

import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError } from '../../../base/errors.ts';

/** What is being fetched, and where to. */
export interface Fetch extends CallOptions {
  /** As in `Cannot read "a"`. */
  readonly action: string;
  readonly directories: ReadonlySet<string>;
  /** Milliseconds in which something has to come. */
  readonly silence: number;
  readonly clock: Clock;
}

/**
 * Does what brings files into directories, and gives it up with `storage/unavailable` when nothing in them changes any more: while rsync
 * fetches, its own limit of time does not count, since it talks to the server itself.
 */
export async function whileGrowing<Result>(
  { action, directories, silence, clock, signal }: Fetch,
  work: (options: { readonly signal: AbortSignal }) => Promise<Result>,
): Promise<Result> {
  const stalled = new AbortController();
  const over = new AbortController();
  const guard = async (): Promise<void> => {
    let seen = await contentsOf(directories);
    let since = clock.monotonic();
    for (;;) {
      await clock.sleep(Math.min(silence / 2, 5000), { signal: over.signal });
      const now = await contentsOf(directories);
      if (now !== seen) [seen, since] = [now, clock.monotonic()];
      else if (clock.monotonic() - since >= silence) break;
    }
    const seconds = Math.round((clock.monotonic() - since) / 1000);
    stalled.abort(
      new AppError('storage/unavailable', `Cannot ${action}: nothing has come for ${seconds} s`, {
        hint: 'If the connection is that slow, raise the option "timeout"',
      }),
    );
  };
  const guarding = guard().catch((error: unknown) => {
    // That the work is over is no reason to stop it.
    if (!over.signal.aborted) stalled.abort(error);
  });
  try {
    const both = signal === undefined ? stalled.signal : AbortSignal.any([signal, stalled.signal]);
    return await work({ signal: both });
  } finally {
    over.abort();
    await guarding;
  }
}

/** The files in directories with their sizes, also those that are not whole yet; one that is not there has none. */
async function contentsOf(directories: ReadonlySet<string>): Promise<string> {
  const found: string[] = [];
  for (const directory of directories) {
    for (const name of await readdir(directory).catch(() => [])) {
      const file = path.join(directory, name);
      // It may have got its name meanwhile.
      const size = await lstat(file).then(
        (status) => status.size,
        () => 0,
      );
      found.push(`${file} ${size}`);
    }
  }
  return found.join('\n');
}
