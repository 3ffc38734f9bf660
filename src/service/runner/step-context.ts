import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import type { Secret } from '../../base/secret.ts';
import type { Catalog, RunEnd } from '../../catalog/catalog.ts';
import type { Configuration } from '../../model/configuration.ts';
import type { ContainerRule, Job } from '../../model/job.ts';
import type { Outcome, Run, StepKind, StepRecord, WorkerIdentity } from '../../model/run.ts';
import type { SecretValue } from '../../model/secret-value.ts';
import type { Feed } from '../feed.ts';
import type { ServiceLog } from '../log.ts';
import type { OwnProgram } from '../program/own-program.ts';
import type { SecretMask } from '../program/mask-secrets.ts';
import type { RunEvent } from '../run-event.ts';

/** What the steps of a run work with. */
export interface StepContext<RunJob extends Job = Job> {
  readonly run: Run;
  readonly job: RunJob;
  readonly configuration: Configuration;
  readonly catalog: Catalog;
  readonly worker: WorkerIdentity;
  readonly clock: Clock;
  /** Aborts when the run is cancelled, takes too long, or the service ends. */
  readonly signal: AbortSignal;
  /** Aborts later: what puts things right again (hooks after the work, starting containers) goes on until then. */
  readonly lasting: AbortSignal;
  /** For programs that are not our own: the environment of the service without what is meant for Holdfast alone, with the variables of the job and those that tell about the run. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the service keeps its things. */
  readonly stateDirectory: string;
  /** Programs start here; relative paths of a configuration are relative to it. */
  readonly directory: string;
  readonly steps: StepLog;
  readonly mask: SecretMask;
  readonly log: ServiceLog;
  readonly feed: Feed<RunEvent>;
  readonly program: OwnProgram;
  readonly containers: ContainerKeeper;
  /** Finds out a secret of the configuration, and sees to it that it is masked from then on. `what` is the middle of a sentence. */
  secret(value: SecretValue, what: string, options?: SecretOptions): Promise<Secret>;
}

export interface SecretOptions extends CallOptions {
  /** `all` by default; `address`: only what is secret in it; `named`: all if `name` or where it is kept says that it is a secret. */
  readonly masked?: 'all' | 'address' | 'named';
  /** Of the option or variable that it is the value of. */
  readonly name?: string;
}

/** The steps of a run. What is begun or ended is in the catalog when the promise resolves, so that a death leaves no gap; while the catalog cannot be reached the work goes on without. */
export interface StepLog {
  readonly steps: readonly StepRecord[];
  begin(step: {
    readonly name: string;
    readonly kind: StepKind;
    readonly destination?: string | undefined;
  }): Promise<StepUnderway>;
}

export interface StepUnderway {
  readonly startedAt: number;
  /** Ends it, once. Texts are masked. */
  end(how: StepEnd): Promise<StepRecord>;
}

export type StepEnd = { readonly outcome: Outcome } & Omit<
  StepRecord,
  'name' | 'kind' | 'destination' | 'startedAt' | 'finishedAt' | 'outcome'
>;

/** How an activity ended; its steps are in the `StepLog`. Outcome `skipped` is for exit status 75 of what ran. */
export type ActivityEnd = Omit<RunEnd, 'steps'>;

/** What does the work of an activity: `runTask`, `runCommands`. Rejects only with `signal.reason` or a fault of the program; a failure of the work is an end. */
export type ActivityRunner<RunJob extends Job> = (
  context: StepContext<RunJob>,
) => Promise<ActivityEnd>;

/** Stops and starts containers around the work, and runs commands in them. */
export interface ContainerKeeper {
  /** Stops what the rule names and is running; each is in the journal before it is stopped. A failure is in the record, not thrown. */
  stop(rule: ContainerRule, options: ContainerOptions): Promise<StepRecord>;
  /** Starts what `stop` stopped for this run, as the journal says; not ended by a signal, because nothing is more urgent. */
  start(rule: ContainerRule, options: ContainerOptions): Promise<StepRecord>;
  /**
   * Runs a command (a text by `sh -c`) in a running container.
   *
   * @throws AppError `container/…` if it cannot be begun; its exit status is for the caller to judge
   */
  exec(
    container: string,
    command: string | readonly string[],
    options: ContainerExecOptions,
  ): Promise<ContainerExecEnd>;
  /** Starts what the journal of this machine says was stopped by runs that are over or dead: `isAlive` tells which still go on. */
  recover(options: ContainerRecoverOptions): Promise<readonly RecoveredContainers[]>;
}

export interface ContainerOptions extends CallOptions {
  /** Id of the run. */
  readonly run: string;
}

export interface ContainerExecOptions extends CallOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly timeLimit?: number;
  readonly user?: string;
  readonly directory?: string;
  /** Sees what it prints as it comes, standard output and errors alike. */
  readonly onOutput?: (piece: Buffer) => void;
}

export interface ContainerExecEnd {
  readonly status: number | undefined;
  readonly timedOut: boolean;
}

export interface ContainerRecoverOptions extends CallOptions {
  /** Whether a run is still under way in a process that lives. */
  readonly isAlive: (run: string) => boolean;
}

export interface RecoveredContainers {
  readonly run: string;
  readonly step: StepRecord;
}
