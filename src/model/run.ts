import type { Activity } from './job.ts';

/** How a run (or a step) ended. `broken`: the process or machine died meanwhile; told as a failure. */
export type Outcome = 'succeeded' | 'warned' | 'failed' | 'skipped' | 'cancelled' | 'broken';

export type RunState = 'queued' | 'running' | Outcome;

/** `dependent`: asked for by another run, such as retention after a backup. */
export type RunTrigger = 'schedule' | 'catch-up' | 'manual' | 'api' | 'action' | 'dependent';

/** One execution of a job. Mail, metrics, Nagios and web pages all read this record. Times are milliseconds since 1970; plain JSON. */
export interface Run {
  /** Sorts by the time it was made. */
  readonly id: string;
  readonly job: string;
  readonly activity: Activity;
  readonly trigger: RunTrigger;
  /** When the schedule wanted it. */
  readonly scheduledFor?: number;
  readonly queuedAt: number;
  /** It may not begin sooner. */
  readonly notBefore?: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly state: RunState;
  /** One sentence: why it failed, warned, was skipped or postponed. */
  readonly reason?: string;
  readonly problem?: RunProblem;
  readonly steps: readonly StepRecord[];
  /** Overrides for this run alone, such as `type=full`, or what to restore where. No secrets. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Higher ones first: restores 100, by hand 50, scheduled 0. */
  readonly priority: number;
  /** Runs that share one never run at the same time: `repository:<address>`, `job:<name>`, `queue:<name>`. */
  readonly keys: readonly string[];
  /** The instance that runs it. */
  readonly worker?: WorkerIdentity;
}

/** Enough to know whether a process is still the one that it was. */
export interface WorkerIdentity {
  /** Unique for each start of the program. */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly bootId: string;
  /** In clock ticks since boot, as in `/proc/<pid>/stat`. */
  readonly startTicks: number;
  /** What tells machines of one name apart. */
  readonly machine?: string;
  /** In which process numbers mean something: that of a container. */
  readonly namespace?: string;
}

export interface RunProblem {
  /** An `ErrorCode`, or what else the program said. */
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

export type StepKind =
  | 'hook'
  | 'containers'
  | 'backup'
  | 'dump'
  | 'retention'
  | 'check'
  | 'drill'
  | 'restore'
  | 'command'
  | 'task';

export interface StepRecord {
  /** For people: `backup`, `before: /etc/holdfast/lock-app`, `prepare`. */
  readonly name: string;
  readonly kind: StepKind;
  /** Shown address of the destination (without secrets). */
  readonly destination?: string;
  readonly startedAt: number;
  readonly finishedAt?: number;
  /** Missing while it runs. */
  readonly outcome?: Outcome;
  readonly exitStatus?: number;
  readonly problem?: RunProblem;
  readonly counters?: StepCounters;
  /** What it printed, with secrets masked; the last 64 KiB. */
  readonly output?: string;
  /** Warnings, for people; at most a hundred. */
  readonly warnings?: readonly string[];
}

/** As in the summary of `model/event.ts`. */
export interface StepCounters {
  readonly snapshot?: string;
  readonly files?: number;
  readonly bytes?: number;
  readonly bytesRead?: number;
  readonly bytesAdded?: number;
  readonly filesNew?: number;
  readonly filesChanged?: number;
  readonly filesUnchanged?: number;
  readonly errors?: number;
  /** What else the operation counts. */
  readonly details?: Readonly<Record<string, string | number | boolean>>;
}

/** What a new run is made of. */
export type NewRun = Pick<Run, 'job' | 'activity' | 'trigger' | 'priority' | 'keys'> &
  Partial<Pick<Run, 'scheduledFor' | 'notBefore' | 'parameters'>>;

export const isOver = ({ state }: Pick<Run, 'state'>): boolean =>
  state !== 'queued' && state !== 'running';
