import type { ExistingPolicy } from '../../target/filesystem/existing-policy.ts';
import type { SparedPlaces } from '../../target/filesystem/spared-places.ts';
import type { FileRestorer } from './file-restorer.ts';
import type { WindowRunner } from './window-runner.ts';

export interface PlannerOptions {
  readonly policy: ExistingPolicy;
  readonly verify: boolean;
  /** Remove what the snapshot does not have. */
  readonly delete: boolean;
  readonly dryRun: boolean;
  /** Nothing was in the target. */
  readonly isFresh: boolean;
  /** Directories, as latin-1 paths below the target, that only lead to what is restored: nothing in them is deleted, and their metadata stays. */
  readonly leading: ReadonlySet<string>;
  /** A name in the target's root that is not of the snapshot and stays. */
  readonly spared: Uint8Array | undefined;
  /** Places that are not to be destroyed: the repository, for one. */
  readonly sparedPlaces: SparedPlaces;
}

/** Where the planner writes; without a runner nothing is written. */
export interface PlannerTarget {
  readonly files: FileRestorer;
  readonly runner: WindowRunner | undefined;
}
