import type { CallOptions } from '../base/call-options.ts';
import type { ActivityHistory } from '../model/activity-history.ts';
import type { Configuration, ServiceSettings } from '../model/configuration.ts';
import type { ChannelSettings } from '../model/channel.ts';
import type { Activity, Job, JobDestination } from '../model/job.ts';
import type { JobSchedule } from '../model/job-schedule.ts';
import type { Report } from '../model/report.ts';
import type {
  NewRun,
  Outcome,
  Run,
  RunProblem,
  RunState,
  StepRecord,
  WorkerIdentity,
} from '../model/run.ts';

export type { ActivityHistory } from '../model/activity-history.ts';

/**
 * What the service remembers: SQLite in a file, or PostgreSQL. Several processes may use one at the same time; what is said to be atomic is so among
 * all of them. Every promise resolves when the change is durable.
 *
 * Errors: `catalog/unavailable` when the database cannot be reached, `catalog/locked-out` when the key is not the one that it was written with.
 */
export interface Catalog extends AsyncDisposable {
  /** For people; carries no secrets. */
  readonly location: string;
  readonly configuration: ConfigurationStore;
  readonly schedules: ScheduleStore;
  readonly runs: RunStore;
  readonly queue: RunQueue;
  readonly journal: Journal;
  readonly outbox: Outbox;
  readonly notes: NoteStore;
}

/** Something kept with the number of its revision, which grows with each change. */
export interface Kept<Value> {
  readonly value: Value;
  readonly revision: number;
  /** What it came from: `api`, `environment`, or the path of a file. */
  readonly origin: string;
}

/** Jobs and what they share. Their secrets are encrypted at rest: each document as a whole, with the key of the catalog. */
export interface ConfigurationStore {
  readonly jobs: DocumentStore<Job>;
  readonly destinations: DocumentStore<JobDestination>;
  readonly channels: DocumentStore<ChannelSettings>;
  readonly periodicities: DocumentStore<JobSchedule>;
  /** Each origin has its own, by its name; `read` adds them up, those of `api` last. */
  readonly settings: DocumentStore<ServiceSettings>;
  /** Everything, in one consistent view. */
  read(options?: CallOptions): Promise<Configuration>;
  /** In one transaction: what came from `origin` before and is not in it any more goes, the rest is made or changed. Names that another origin holds are `input/invalid`; then nothing has changed. Of origins that are `gone`, what has the same name is taken over, and their settings go. */
  replace(
    configuration: Configuration,
    origin: string,
    options?: CallOptions & { readonly gone?: ReadonlySet<string> },
  ): Promise<ConfigurationChange>;
  /** Grows with every change of anything; cheap to ask. */
  revision(options?: CallOptions): Promise<number>;
}

/** Of what was changed the kinds (`job`, `destination`, `channel`, `periodicity`, `settings`) and names: `job/documents`. */
export interface ConfigurationChange {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

export interface DocumentStore<Value> {
  get(name: string, options?: CallOptions): Promise<Kept<Value> | undefined>;
  list(options?: CallOptions): Promise<ReadonlyMap<string, Kept<Value>>>;
  /** `revision` is the one that was read, `undefined` for a new one; a stale one is `input/conflict`. One that came from another origin is `input/invalid`. */
  save(
    name: string,
    value: Value,
    how: { readonly revision: number | undefined; readonly origin: string },
    options?: CallOptions,
  ): Promise<number>;
  remove(name: string, revision: number, options?: CallOptions): Promise<void>;
}

/** What an entry of the schedule has been through; an entry is `<job>/<activity>/<number>`. */
export interface ScheduleState {
  readonly entry: string;
  /** Everything that was due until then has been dealt with. */
  readonly consideredUntil: number;
  /** So many of the next runs are left out. */
  readonly skipNext: number;
  /** When its last run was queued. */
  readonly lastQueued?: number;
}

export interface ScheduleStore {
  list(options?: CallOptions): Promise<ReadonlyMap<string, ScheduleState>>;
  /** Makes states for entries that have none, all at once. */
  begin(entries: readonly string[], consideredUntil: number, options?: CallOptions): Promise<void>;
  /**
   * Moves an entry on and queues its run, in one transaction, if it still is as `from` says; `undefined` if another instance was sooner or the entry is gone.
   * Without `run` it only moves on. Resolves with the id of the run, or `''` when there was none to queue.
   */
  claim(
    from: ScheduleState,
    to: ScheduleState,
    run: NewRun | undefined,
    options?: CallOptions,
  ): Promise<string | undefined>;
  skipNext(entry: string, count: number, options?: CallOptions): Promise<void>;
  forget(entries: readonly string[], options?: CallOptions): Promise<void>;
}

export interface RunFilter {
  readonly job?: string;
  readonly activities?: readonly Activity[];
  readonly states?: readonly RunState[];
  /** Queued before this time. */
  readonly before?: number;
  readonly after?: number;
  /** At most so many, newest first. 100 by default. */
  readonly limit?: number;
}

export interface RunStore {
  get(id: string, options?: CallOptions): Promise<Run | undefined>;
  list(filter: RunFilter, options?: CallOptions): Promise<readonly Run[]>;
  /** All of them, in one query: 10,000 jobs are asked for at once. Kept up to date by `finish`, whatever history is dropped. Their steps are without `output`. */
  histories(options?: CallOptions): Promise<readonly ActivityHistory[]>;
  history(
    job: string,
    activity: Activity,
    options?: CallOptions,
  ): Promise<ActivityHistory | undefined>;
  /** Writes the steps so far, so that a run that breaks off has left what it did. */
  progress(
    id: string,
    worker: string,
    steps: readonly StepRecord[],
    options?: CallOptions,
  ): Promise<void>;
  /** Drops finished runs older than `before`, but the last ten of each job and activity, and what `histories` names. Resolves with how many. */
  dropOlderThan(before: number, options?: CallOptions): Promise<number>;
}

/** How a run ended. */
export interface RunEnd {
  readonly outcome: Outcome;
  readonly reason?: string;
  readonly problem?: RunProblem;
  readonly steps: readonly StepRecord[];
}

/**
 * Runs that wait, for any number of workers. A run that is claimed holds its keys until it is finished, given back, or its worker has not renewed it
 * within the lease; no two claimed runs share a key.
 */
export interface RunQueue {
  add(run: NewRun, now: number, options?: CallOptions): Promise<Run>;
  /** The first run whose time has come and whose keys are free, by priority, then by age; it is `running` then. */
  claim(
    worker: WorkerIdentity,
    now: number,
    options?: CallOptions & { readonly only?: string },
  ): Promise<Run | undefined>;
  /** Keeps a claim for another lease (60 s). `false` if it was lost. `cancelled` is true if somebody asked to cancel it. */
  renew(
    id: string,
    worker: string,
    now: number,
    options?: CallOptions,
  ): Promise<{ readonly held: boolean; readonly cancelled: boolean }>;
  /**
   * Ends a run and, in the same transaction, puts what has to be told into the outbox. `false` if the claim was lost. Doing so again, because the answer
   * was lost, changes nothing and is `true` again.
   */
  finish(
    id: string,
    worker: string,
    end: RunEnd,
    now: number,
    reports: readonly OutboxEntry[],
    options?: CallOptions,
  ): Promise<boolean>;
  /** Back into the queue: not before a time, with the reason shown. */
  postpone(
    id: string,
    worker: string,
    notBefore: number,
    reason: string,
    options?: CallOptions,
  ): Promise<void>;
  /**
   * Ends a run that is still queued, as `finish` ends one that runs, whoever holds its keys: it has waited too long, or its job is gone. `false` if it is
   * not queued any more.
   */
  finishQueued(
    id: string,
    end: RunEnd,
    now: number,
    reports: readonly OutboxEntry[],
    options?: CallOptions,
  ): Promise<boolean>;
  /** A queued one is over at once; a running one learns it by `renew`. */
  cancel(id: string, now: number, options?: CallOptions): Promise<void>;
  /**
   * Running runs whose lease has run out, or which `isDead` knows to be dead (a process of this machine that is gone). They stay `running` until `finish`ed by whoever takes
   * them over by this call. Runs of `worker` itself are among them when it has not renewed them, as after a sleep of the machine: it knows which it is at.
   */
  takeBroken(
    worker: WorkerIdentity,
    isDead: (worker: WorkerIdentity) => boolean,
    now: number,
    options?: CallOptions,
  ): Promise<readonly Run[]>;
  /** Resolves when something may have come, or after a time in milliseconds. */
  waitForWork(milliseconds: number, options?: CallOptions): Promise<void>;
}

/** What has to be undone if the program dies: written before something is changed, removed after it was put right. */
export interface Journal {
  add(entry: Omit<JournalEntry, 'id'>, options?: CallOptions): Promise<string>;
  list(options?: CallOptions): Promise<readonly JournalEntry[]>;
  update(id: string, data: JournalEntry['data'], options?: CallOptions): Promise<void>;
  remove(id: string, options?: CallOptions): Promise<void>;
}

export interface JournalEntry {
  readonly id: string;
  /** `containers-stopped`, `scratch-database`, … */
  readonly kind: string;
  readonly run: string;
  /** The machine that has to undo it. */
  readonly host: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A report on its way to a channel. */
export interface OutboxEntry {
  readonly channel: string;
  readonly report: Report;
  /** Not sooner: for digests and after failures. */
  readonly notBefore?: number;
}

export interface OutboxItem extends OutboxEntry {
  readonly id: string;
  readonly attempts: number;
  readonly lastError?: string;
  readonly addedAt: number;
}

export interface Outbox {
  add(entries: readonly OutboxEntry[], now: number, options?: CallOptions): Promise<void>;
  /** Items whose time has come, held for this worker for two minutes. So are those that a clock which was wrong has put off into a time that is far away. */
  claim(
    worker: string,
    now: number,
    limit: number,
    options?: CallOptions,
  ): Promise<readonly OutboxItem[]>;
  sent(id: string, options?: CallOptions): Promise<void>;
  failed(id: string, error: string, notBefore: number, options?: CallOptions): Promise<void>;
  /** It is given up, but kept to be shown. */
  giveUp(id: string, error: string, options?: CallOptions): Promise<void>;
  /** It is tried again from `now` on as if it were new, also after it was given up. */
  retry(id: string, now: number, options?: CallOptions): Promise<void>;
  /** What waits and what was given up. */
  list(options?: CallOptions): Promise<readonly (OutboxItem & { readonly givenUp: boolean })[]>;
}

/** Small things by name: the state of alarms, last digest, last start. */
export interface NoteStore {
  get(name: string, options?: CallOptions): Promise<string | undefined>;
  list(prefix: string, options?: CallOptions): Promise<ReadonlyMap<string, string>>;
  /** With `expected`: only if it is that (`null`: not there); resolves whether it was done. */
  set(
    name: string,
    value: string | undefined,
    options?: CallOptions & { readonly expected?: string | null },
  ): Promise<boolean>;
}
