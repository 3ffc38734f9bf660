import type { PathFilter } from '../model/path-filter.ts';
import type { SourcePlan } from '../source/filesystem/source-plan.ts';
import {
  walk,
  type EnterEvent,
  type RememberingWalkOptions,
  type UnchangedEvent,
  type WalkEvent,
  type WalkOptions,
} from '../source/filesystem/walk.ts';
import type { WalkMemory } from '../source/filesystem/walk-memory.ts';
import { WalkFilter } from './walk-filter.ts';

/** What is walked besides the paths. */
export type SourceWalkOptions = Pick<
  WalkOptions,
  'oneFileSystem' | 'excludeIfPresent' | 'excludeCaches' | 'excludeNoDump' | 'followLinks'
>;

/** `keepEmpty`: the directory is wanted even if nothing is in it. */
export type SourceWalkEvent =
  | (EnterEvent & { readonly keepEmpty: boolean })
  | Exclude<WalkEvent, EnterEvent>;

/** Those of a walk with a memory. */
export type RememberingSourceWalkEvent = SourceWalkEvent | UnchangedEvent;

/** As many entries are kept ahead of whoever takes them. */
const MOST_AHEAD = 49_152;
/** Milliseconds of walking before others get their turn. */
const SLICE = 8;

/**
 * One walk over what is backed up, filtered. It can be begun before anybody takes its events: while a key is derived from a passphrase on one core, the file system
 * is looked at on another.
 */
export class SourceWalk implements Disposable {
  readonly #events: Generator<RememberingSourceWalkEvent, void, void>;
  readonly #ahead: RememberingSourceWalkEvent[] = [];
  #entriesAhead = 0;
  #isTaken = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    plan: SourcePlan,
    filter: PathFilter,
    options: SourceWalkOptions,
    memory?: WalkMemory,
  ) {
    // Attributes are read for what changed only, by whoever finds out.
    this.#events = filteredWalk(plan, filter, { ...options, memory, extendedAttributes: false });
  }

  /** Walks a little at a time, until somebody takes the events or there are many. `monotonic`: milliseconds. */
  begin(monotonic: () => number): void {
    const slice = (): void => {
      if (this.#isTaken) return;
      const end = monotonic() + SLICE;
      try {
        do {
          const { value, done = false } = this.#events.next();
          if (done || value === undefined) return;
          this.#ahead.push(value);
          this.#entriesAhead += weightOf(value);
          if (this.#entriesAhead >= MOST_AHEAD) return;
        } while (monotonic() < end);
      } catch (error) {
        this.#failure = { error };
        return;
      }
      setImmediate(slice);
    };
    slice();
  }

  /** All events, once. Throws what the walk throws. */
  *take(): Generator<RememberingSourceWalkEvent, void, void> {
    this.#isTaken = true;
    // What is taken off belongs to whoever takes it; of a large array the last is taken off at once, the first is not.
    const ahead = this.#ahead.reverse();
    for (let event = ahead.pop(); event !== undefined; event = ahead.pop()) yield event;
    if (this.#failure !== undefined) throw this.#failure.error;
    yield* this.#events;
  }

  [Symbol.dispose](): void {
    this.#isTaken = true;
    this.#events.return();
    for (const event of this.#ahead.splice(0)) if ('location' in event) event.location.release();
  }
}

/** What an event keeps in memory, in entries that were found. */
function weightOf(event: RememberingSourceWalkEvent): number {
  switch (event.type) {
    case 'entries':
      return event.entries.length;
    case 'enter':
      // What is remembered of an entry is half as much.
      return (event.remembered?.count ?? 0) / 2;
    default:
      return 0;
  }
}

/** A walk without what a filter leaves out. */
export function filteredWalk(
  plan: SourcePlan,
  pathFilter: PathFilter,
  options: RememberingWalkOptions,
): Generator<RememberingSourceWalkEvent, void, void>;
export function filteredWalk(
  plan: SourcePlan,
  pathFilter: PathFilter,
  options: WalkOptions,
): Generator<SourceWalkEvent, void, void>;
export function* filteredWalk(
  plan: SourcePlan,
  pathFilter: PathFilter,
  options: WalkOptions & Partial<RememberingWalkOptions>,
): Generator<RememberingSourceWalkEvent, void, void> {
  const filter = new WalkFilter(pathFilter, plan.sources);
  const events = walk(plan, {
    memory: undefined,
    ...options,
    ...(!pathFilter.empty && { exclude: (entry, path) => filter.excludes(entry, path) }),
  });
  for (const event of events) {
    if (event.type === 'enter') yield { ...event, keepEmpty: filter.enter(event.path) };
    else yield event;
    if (event.type === 'leave') filter.leave();
  }
}
