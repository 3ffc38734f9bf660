import { setImmediate as nextTurn } from 'node:timers/promises';

import type { AppError } from '../base/errors.ts';
import type { CallOptions } from '../base/call-options.ts';
import { joinPath } from '../base/posix/path-bytes.ts';
import type { SourceEntry } from '../model/entry.ts';
import type { PathFilter } from '../model/path-filter.ts';
import type { SourcePlan } from '../source/filesystem/source-plan.ts';
import { walk, type WalkOptions } from '../source/filesystem/walk.ts';
import { WalkFilter } from './walk-filter.ts';

/** After so many milliseconds of walking, others get their turn. */
const SLICE = 5;

/** What a backup of some sources would find. */
export interface Survey {
  readonly files: number;
  readonly directories: number;
  readonly others: number;
  /** Of all files. */
  readonly bytes: number;
  /** Entries that could not be looked at. */
  readonly errors: number;
}

export interface SurveyOptions extends CallOptions {
  readonly filter: PathFilter;
  readonly walk: Pick<
    WalkOptions,
    'oneFileSystem' | 'excludeIfPresent' | 'excludeCaches' | 'excludeNoDump'
  >;
  /** For the pauses between slices. */
  monotonic(): number;
  onEntry?(path: Uint8Array, entry: SourceEntry): void;
  onProblem?(path: Uint8Array, error: AppError): void;
  onProgress?(sofar: Survey): void;
}

/** Walks over sources as a backup does, without reading content. Lets other work go on in between. */
export async function survey(plan: SourcePlan, options: SurveyOptions): Promise<Survey> {
  const filter = new WalkFilter(options.filter, plan.sources);
  const found = { files: 0, directories: 0, others: 0, bytes: 0, errors: 0 };
  const events = walk(plan, {
    ...options.walk,
    exclude: (entry, path) => filter.excludes(entry, path),
    extendedAttributes: false,
  });
  let resumed = options.monotonic();
  for (const event of events) {
    options.signal?.throwIfAborted();
    if (event.type === 'enter') {
      filter.enter(event.path);
      found.directories++;
    } else if (event.type === 'leave') {
      filter.leave();
    } else if (event.type === 'problem') {
      found.errors++;
      options.onProblem?.(event.path, event.error);
    } else {
      for (const entry of event.entries) {
        if (entry.type === 'directory') continue;
        if (entry.type === 'file') {
          found.files++;
          found.bytes += entry.size;
        } else found.others++;
        options.onEntry?.(joinPath(event.path, entry.name), entry);
      }
      event.location.release();
    }
    if (options.monotonic() - resumed < SLICE) continue;
    options.onProgress?.(found);
    await nextTurn();
    resumed = options.monotonic();
  }
  return found;
}
