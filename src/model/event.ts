import type { AppError } from '../base/errors.ts';

/**
 * Everything an operation reports. Terminal, `--json` and whatever keeps a log are renderers of this one type; the engine prints
 * nothing. Numbers are totals since the start of the operation, so that a renderer may skip events.
 */
export type OperationEvent =
  | PhaseEvent
  | TotalEvent
  | ProgressEvent
  | EntryEvent
  | ProblemEvent
  | NoticeEvent
  | SummaryEvent;

export type OperationName =
  | 'init'
  | 'backup'
  | 'restore'
  | 'check'
  | 'repair'
  | 'forget'
  | 'prune'
  | 'copy'
  | 'diff'
  | 'find'
  | 'stats'
  | 'key'
  | 'rebuild-index';

/** A new part of the work begins; `phase` is a few words for people ("reading the index"). */
export interface PhaseEvent {
  readonly type: 'phase';
  readonly phase: string;
}

/** How much there is to do in the phase that has begun, as far as known. `final` says that it will not grow any more. */
export interface TotalEvent {
  readonly type: 'total';
  readonly files: number;
  readonly bytes: number;
  readonly final: boolean;
}

/** How far the operation is. */
export interface OperationCounters {
  /** Files (or objects) done. */
  readonly files: number;
  /** Bytes done, of those that `total` counts: what was skipped as unchanged counts, too. */
  readonly bytes: number;
  readonly bytesRead: number;
  /** Bytes that the repository (or the restored tree) grew by. */
  readonly bytesAdded: number;
  readonly filesNew: number;
  readonly filesChanged: number;
  readonly filesUnchanged: number;
  readonly errors: number;
}

export interface ProgressEvent extends OperationCounters {
  readonly type: 'progress';
  /** What is being worked on. */
  readonly current?: Uint8Array;
}

/** One entry is done. Sent only when the caller asked for entries (`--verbose`). */
export interface EntryEvent {
  readonly type: 'entry';
  readonly action:
    | 'found'
    | 'new'
    | 'changed'
    | 'unchanged'
    | 'restored'
    | 'skipped'
    | 'deleted'
    | 'verified';
  readonly path: Uint8Array;
  readonly size: number;
  readonly bytesAdded?: number;
}

/** Something went wrong that did not end the operation. An `error` makes the exit code 3; a `warning` does not. */
export interface ProblemEvent {
  readonly type: 'problem';
  readonly severity: 'warning' | 'error';
  readonly path?: Uint8Array;
  readonly error: AppError;
}

/** Something worth knowing that is not wrong ("continuing the interrupted run of 10:05"). */
export interface NoticeEvent {
  readonly type: 'notice';
  readonly message: string;
}

/** The last event of an operation that came to its end. */
export interface SummaryEvent extends OperationCounters {
  readonly type: 'summary';
  readonly operation: OperationName;
  /** The snapshot that was made or restored. */
  readonly snapshot?: string;
  readonly dryRun: boolean;
  readonly milliseconds: number;
  /** What else this operation counts, by names in camelCase. */
  readonly details?: Readonly<Record<string, string | number | boolean>>;
}

/** Counters of an operation that has done nothing yet. */
export const noCounters: OperationCounters = {
  files: 0,
  bytes: 0,
  bytesRead: 0,
  bytesAdded: 0,
  filesNew: 0,
  filesChanged: 0,
  filesUnchanged: 0,
  errors: 0,
};
