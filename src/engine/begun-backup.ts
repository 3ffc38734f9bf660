import type { PathFilter } from '../model/path-filter.ts';
import {
  openSourceCache,
  type SourceCachePlace,
} from '../repository/native/writer/open-source-cache.ts';
import type { SourceCache } from '../repository/native/writer/source-cache.ts';
import type { SourcePlan } from '../source/filesystem/source-plan.ts';
import type { WalkMemory } from '../source/filesystem/walk-memory.ts';
import { SourceWalk, type SourceWalkOptions } from './source-walk.ts';

/** A file system's times may be this coarse: what changed so shortly before the run may change again under the same time. */
const GRANULARITY = 2;

export interface BegunBackupInput {
  readonly plan: SourcePlan;
  readonly filter: PathFilter;
  readonly walk: SourceWalkOptions;
  /** Read everything, also what looks unchanged. */
  readonly forceRead: boolean;
  readonly place: SourceCachePlace;
  /** When it begins, milliseconds since 1970. */
  readonly time: number;
}

/**
 * The part of a backup that needs no keys: what earlier runs remember of the source, and the first walk, which compares with that. Nothing is taken for stored by it.
 */
export class BegunBackup implements Disposable {
  readonly time: number;
  /** Entries that changed at or after this time (seconds since 1970) may change again unnoticed. */
  readonly quietSince: number;
  readonly cache: SourceCache | undefined;
  readonly #input: BegunBackupInput;
  #first: SourceWalk | undefined;

  constructor(input: BegunBackupInput) {
    this.#input = input;
    this.time = input.time;
    this.quietSince = Math.floor(input.time / 1000) - GRANULARITY;
    this.cache = openSourceCache(input.place, input.plan.root);
  }

  /** Walks ahead whenever nothing else is to be done. `monotonic`: milliseconds. */
  walkAhead(monotonic: () => number): void {
    this.#first = this.#newWalk();
    this.#first.begin(monotonic);
  }

  /** The walk that was begun, once; then new ones. */
  takeWalk(): SourceWalk {
    const walk = this.#first ?? this.#newWalk();
    this.#first = undefined;
    return walk;
  }

  [Symbol.dispose](): void {
    this.#first?.[Symbol.dispose]();
    this.cache?.[Symbol.dispose]();
  }

  #newWalk(): SourceWalk {
    const { plan, filter, walk } = this.#input;
    return new SourceWalk(plan, filter, walk, this.#memory());
  }

  #memory(): WalkMemory | undefined {
    const { cache } = this;
    // Where the cache is not trusted, it tells what is new, and nothing is as it was.
    const quietSince = this.#input.forceRead ? -Infinity : this.quietSince;
    return cache && { quietSince, recall: (path) => cache.get(path) };
  }
}
