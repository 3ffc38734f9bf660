import { equalBytes } from '../../base/bytes.ts';
import type { AppError } from '../../base/errors.ts';
import { joinPath } from '../../base/posix/path-bytes.ts';
import type { SourceEntry } from '../../model/entry.ts';
import type { DirectoryLocation } from '../../source/filesystem/directory-location.ts';
import type { SourceWalkEvent } from '../source-walk.ts';

/** One entry of a walk in index order. */
export interface IndexOrderEntry {
  readonly type: 'entry';
  /** Relative to the root, components joined by `/`; empty for the root itself. */
  readonly path: Uint8Array;
  readonly entry: SourceEntry;
  /** Where its content is opened: `undefined` for directories. Good until the next event is asked for. */
  readonly location: DirectoryLocation | undefined;
}

/** Something at or below `path` (relative to the root) could not be looked at. */
export interface IndexOrderProblem {
  readonly type: 'problem';
  readonly path: Uint8Array;
  readonly error: AppError;
}

/** Entries of one event of the walk that wait for their turn. */
interface Batch {
  readonly location: DirectoryLocation;
  readonly entries: readonly SourceEntry[];
  next: number;
}

interface Frame {
  readonly path: Uint8Array;
  readonly entry: SourceEntry;
  readonly batches: Batch[];
  /** Whether it was told of; one that is only wanted for what lies below waits for that. */
  isTold: boolean;
}

/**
 * The entries of a walk in the order of an archive (docs/formats/duplicity.md 6.2): component by component, so that what lies in a directory comes right after it, before the
 * names that follow it. `events` tells a directory's entries before its subdirectories; what comes behind a subdirectory waits here.
 *
 * A directory that is not wanted for itself is told of when something below it is, or never. A problem is told before any entry that sorts behind it. Nothing is told twice.
 */
export function* inIndexOrder(
  events: Iterable<SourceWalkEvent>,
): Generator<IndexOrderEntry | IndexOrderProblem, void, void> {
  const frames: Frame[] = [];
  let rootLength = 0;
  const relative = (path: Uint8Array): Uint8Array => path.subarray(rootLength);
  try {
    for (const event of events) {
      const frame = frames.at(-1);
      switch (event.type) {
        case 'enter': {
          if (frame === undefined) rootLength = prefixLength(event.path);
          else yield* waiting(frames, frame, event.entry.name);
          const path =
            frame === undefined ? new Uint8Array(0) : joinPath(frame.path, event.entry.name);
          frames.push({ path, entry: event.entry, batches: [], isTold: false });
          if (event.keepEmpty || frame === undefined) yield* untold(frames);
          break;
        }
        case 'entries': {
          const { location, entries } = event;
          frame?.batches.push({ location, entries, next: 0 });
          // Without a subdirectory before them they need not wait, however large the directory is.
          if (frame?.batches.length === 1) yield* waiting(frames, frame, 'first');
          break;
        }
        case 'leave':
          if (frame !== undefined) yield* waiting(frames, frame, undefined);
          frames.pop();
          break;
        case 'problem':
          yield { type: 'problem', path: relative(event.path), error: event.error };
          break;
      }
    }
  } finally {
    for (const { batches } of frames) for (const { location } of batches) location.release();
  }
}

/**
 * What waits in a directory, up to the subdirectory `until`, which is taken off, too; `first`: up to any subdirectory, which stays; `undefined`: everything.
 */
function* waiting(
  frames: readonly Frame[],
  frame: Frame,
  until: Uint8Array | 'first' | undefined,
): Generator<IndexOrderEntry, void, void> {
  for (let batch = frame.batches[0]; batch !== undefined; batch = frame.batches[0]) {
    for (
      let entry = batch.entries[batch.next];
      entry !== undefined;
      entry = batch.entries[batch.next]
    ) {
      if (entry.type === 'directory') {
        if (until === 'first') return;
        batch.next++;
        if (until !== undefined && equalBytes(entry.name, until)) return;
        continue;
      }
      batch.next++;
      if (!frame.isTold) yield* untold(frames);
      const { location } = batch;
      yield { type: 'entry', path: joinPath(frame.path, entry.name), entry, location };
    }
    frame.batches.shift();
    batch.location.release();
  }
}

/** The directories on the way that were not told of yet. */
function* untold(frames: readonly Frame[]): Generator<IndexOrderEntry, void, void> {
  for (const frame of frames) {
    if (frame.isTold) continue;
    frame.isTold = true;
    yield { type: 'entry', path: frame.path, entry: frame.entry, location: undefined };
  }
}

/** How much of a path below the root belongs to the root and the slash behind it. */
function prefixLength(root: Uint8Array): number {
  return root.at(-1) === 0x2f ? root.length : root.length + 1;
}
