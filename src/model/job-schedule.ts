/**
 * When something is due, as it is written in a configuration: the name of a periodicity (`hourly`, `daily`, `weekly`, `monthly`, `manual`, `never`
 * or one of the configuration's own), a cron expression, `@every 6h`, or an object that says more.
 */
export type JobSchedule = string | DetailedSchedule;

export interface DetailedSchedule {
  /** A periodicity, a cron expression or `@every DURATION`. */
  readonly when: string;
  /** IANA name; by default that of the configuration. */
  readonly timeZone?: string;
  /** At most so much later, the same for each job on each host; not applied to runs by hand. A duration. */
  readonly jitter?: string;
  /** What becomes of runs that were due while nothing could run; `run-once` by default. */
  readonly missed?: MissedPolicy;
  /** How long after start or wake-up a missed run is made up for. A duration, 2 minutes by default. */
  readonly catchUpDelay?: string;
  /** No run begins sooner than so much after the last one has begun. A duration. */
  readonly minimumGap?: string;
  /** Windows in which no run begins; what is due in one is due when it ends. */
  readonly blackout?: readonly BlackoutWindow[];
}

/**
 * - `run-once`: exactly one run for all that were missed
 * - `skip`: none
 * - `skip-if-running`: one, unless a run of the job is under way
 * - `skip-if-busy`: one, unless anything of the same repositories is under way or waiting
 * - `skip-if-offline`: one, unless the network is down
 */
export type MissedPolicy =
  | 'run-once'
  | 'skip'
  | 'skip-if-running'
  | 'skip-if-busy'
  | 'skip-if-offline';

/** Hours of the wall clock, `HH:MM`; over midnight if `until` is not after `from`. */
export interface BlackoutWindow {
  readonly from: string;
  readonly until: string;
  /** Names of weekdays on which it begins (`mon` …); every day by default. */
  readonly days?: readonly string[];
}
