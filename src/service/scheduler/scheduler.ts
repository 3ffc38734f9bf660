import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import { isRetryable, messageOf } from '../../base/errors.ts';
import { Semaphore } from '../../base/semaphore.ts';
import type { Catalog, ScheduleState } from '../../catalog/catalog.ts';
import { scheduledEntries } from '../../configuration/periodicities.ts';
import type { Configuration } from '../../model/configuration.ts';
import type { NewRun } from '../../model/run.ts';
import { priorityOf, runKeys } from '../../model/run-keys.ts';
import { leaveBlackouts } from '../../model/schedule/blackout.ts';
import { consideredAfter, upcomingRuns } from '../../model/schedule/schedule-position.ts';
import type { Activity } from '../../model/job.ts';
import type { ServiceLog } from '../log.ts';
import { reasonAgainst } from './make-up.ts';
import {
  planEntry,
  type PlannedEntry,
  type PlanMoment,
  replan,
  wasMissed,
} from './planned-entry.ts';
import { alignStates } from './schedule-plan.ts';
import { TimeHeap } from './time-heap.ts';

export interface SchedulerOptions {
  readonly catalog: Pick<Catalog, 'configuration' | 'schedules' | 'runs' | 'notes'>;
  readonly clock: Clock;
  readonly log: ServiceLog;
  /** IANA name of the zone of schedules where neither they nor the settings name one. */
  readonly timeZone: string;
  /** What this machine is called, for jitter, where the settings do not say it. */
  readonly hostname: string;
  /** Whether there is a connection to the network (`conditions/network.ts`). */
  readonly isOnline: (options: CallOptions) => Promise<boolean>;
  /** How long it sleeps at most, in milliseconds; after that it notices that the machine has slept, that the clock has jumped, or that the configuration was changed by another process. 30 s by default. */
  readonly longestSleep?: number;
}

export interface UpcomingRun {
  readonly entry: string;
  readonly job: string;
  readonly activity: Activity;
  /** When it begins, if nothing keeps it from that; in the past for one that is overdue. */
  readonly at: number;
  /** Nothing happens then: it was asked to be left out. */
  readonly isLeftOut: boolean;
}

/** A drift between the two clocks that is more than adjusting. */
const leastJump = 5000;
/** A sleep that took so much longer than it should was one of the machine. */
const longestOversleep = 60_000;
const nameOf = ({ entry }: PlannedEntry): string => entry;
const retryDelays = [1000, 5000, 15_000, 60_000];

/**
 * Queues the runs of all jobs when they are due. Several may work on one catalog: each run is queued by exactly one of them. What was missed while none
 * worked, the machine slept or the clock jumped is made up for once, as the schedule's policy says. `await using` ends it; what is queued stays queued.
 */
export class Scheduler implements AsyncDisposable {
  readonly #options: SchedulerOptions;
  readonly #turn = new Semaphore(1);
  readonly #stop = new AbortController();
  #configuration: Configuration;
  #revision: number;
  #entries = new Map<string, PlannedEntry>();
  #ofJob = new Map<string, readonly PlannedEntry[]>();
  #heap = new TimeHeap<PlannedEntry>(nameOf);
  #wokeAt: number;
  #lastSeen: { readonly now: number; readonly monotonic: number };
  #alarmClock = new AbortController();
  #standstill: string | undefined;
  #ended: Promise<void> = Promise.resolve();

  private constructor(options: SchedulerOptions, configuration: Configuration, revision: number) {
    this.#options = options;
    this.#configuration = configuration;
    this.#revision = revision;
    const { clock } = options;
    this.#wokeAt = clock.now();
    this.#lastSeen = { now: clock.now(), monotonic: clock.monotonic() };
  }

  /**
   * Begins to work. A job whose schedule cannot be read is logged and left out.
   *
   * @throws AppError of the catalog
   */
  static async start(options: SchedulerOptions, call: CallOptions = {}): Promise<Scheduler> {
    const { configuration: store } = options.catalog;
    const revision = await store.revision(call);
    const scheduler = new Scheduler(options, await store.read(call), revision);
    const { problems } = await scheduler.#plan(scheduler.#configuration, call);
    for (const problem of problems) options.log.error(problem.message, { hint: problem.hint });
    scheduler.#ended = scheduler.#work(scheduler.#stop.signal);
    return scheduler;
  }

  /**
   * Takes over the configuration as it is in the catalog now. If it cannot be read, or one of its schedules, everything stays as it was.
   *
   * @throws AppError `input/invalid` that names the job, or one of the catalog
   */
  async refresh(call: CallOptions = {}): Promise<void> {
    using _turn = await this.#turn.acquire(call);
    await this.#refresh(call);
    this.#alarmClock.abort();
  }

  /** What comes next, of each entry of the schedule, in the order of time. Costs next to nothing. */
  upcoming(limit: number): readonly UpcomingRun[] {
    return this.#heap.first(limit).map(({ at, item: { entry, job, activity, state } }) => {
      return { entry, job: job.name, activity, at, isLeftOut: state.skipNext > 0 };
    });
  }

  /** Why nothing is queued just now; `undefined` if it is. */
  get standstill(): string | undefined {
    return this.#standstill;
  }

  /** When the next run of a job that is queued by itself begins; of one of its activities or of any. */
  nextRunOf(job: string, activity?: Activity): number | undefined {
    const now = this.#options.clock.now();
    const times = (this.#ofJob.get(job) ?? [])
      .filter((entry) => activity === undefined || entry.activity === activity)
      .map(({ at, schedule, state, key }) =>
        state.skipNext === 0 ? at : (upcomingRuns(schedule, state, now, key, 1)[0]?.at ?? Infinity),
      );
    const earliest = Math.min(...times);
    return earliest === Infinity ? undefined : earliest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The scheduler ends'));
    await this.#ended;
  }

  async #work(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      let wait: number;
      try {
        await this.#pass({ signal });
        failures = 0;
        this.#standstill = undefined;
        const untilNext = this.#heap.earliest - this.#options.clock.now();
        wait = Math.max(0, Math.min(untilNext, this.#options.longestSleep ?? 30_000));
      } catch (error) {
        if (signal.aborted) return;
        wait = retryDelays[Math.min(failures++, retryDelays.length - 1)]!;
        this.#standstill = messageOf(error);
        const what = isRetryable(error) ? 'cannot go on for now' : 'has failed and tries again';
        this.#options.log.error(`The scheduler ${what}: ${messageOf(error)}`);
      }
      await this.#sleep(wait, signal);
    }
  }

  async #sleep(milliseconds: number, stop: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    this.#alarmClock = new AbortController();
    const signal = AbortSignal.any([stop, this.#alarmClock.signal]);
    const before = clock.monotonic();
    await clock.sleep(milliseconds, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    if (clock.monotonic() - before > milliseconds + longestOversleep) this.#wake('slept');
  }

  /** One look at everything: has time jumped, has the configuration changed, is something due? */
  async #pass(call: CallOptions): Promise<void> {
    using _turn = await this.#turn.acquire(call);
    this.#noticeJump();
    if ((await this.#options.catalog.configuration.revision(call)) !== this.#revision) {
      await this.#refresh(call).catch((error: unknown) => {
        if (call.signal?.aborted === true || isRetryable(error)) throw error;
        this.#options.log.error(`The schedule stays as it was: ${messageOf(error)}`);
      });
    }
    await this.#runDue(call);
  }

  #noticeJump(): void {
    const { clock } = this.#options;
    const seen = { now: clock.now(), monotonic: clock.monotonic() };
    const before = this.#lastSeen;
    this.#lastSeen = seen;
    const jump = seen.now - before.now - (seen.monotonic - before.monotonic);
    if (Math.abs(jump) >= leastJump) this.#wake(jump > 0 ? 'forward' : 'back');
  }

  #wake(why: 'slept' | 'forward' | 'back'): void {
    const now = this.#options.clock.now();
    this.#options.log.info(
      {
        slept: 'The machine has slept: looking for runs that were missed',
        forward: 'The machine has slept or its clock was put forward: looking for missed runs',
        back: 'The clock was put back: reckoning anew what is due',
      }[why],
    );
    this.#wokeAt = now;
    for (const entry of this.#entries.values()) replan(entry, this.#moment(now));
    this.#heapUp();
  }

  #moment(now: number): PlanMoment {
    return { now, wokeAt: this.#wokeAt };
  }

  async #refresh(call: CallOptions): Promise<void> {
    const { configuration: store } = this.#options.catalog;
    // What is read may be newer than its number: then it is read once more the next time.
    const revision = await store.revision(call);
    const configuration = await store.read(call);
    const { problems } = scheduledEntries(configuration, this.#options.timeZone);
    if (problems[0] !== undefined) {
      // What is broken is told once, not again and again until it is put right.
      this.#revision = revision;
      throw problems[0];
    }
    await this.#plan(configuration, call);
    this.#configuration = configuration;
    this.#revision = revision;
  }

  async #plan(
    configuration: Configuration,
    call: CallOptions,
  ): Promise<Pick<ReturnType<typeof scheduledEntries>, 'problems'>> {
    const { catalog, clock, timeZone } = this.#options;
    const hostname = configuration.settings.hostname ?? this.#options.hostname;
    const { entries, problems } = scheduledEntries(configuration, timeZone);
    const states = await alignStates(entries, catalog, clock.now(), call);
    const planned = new Map<string, PlannedEntry>();
    for (const entry of entries) {
      const state = states.get(entry.entry);
      // Gone already: another instance knows a newer configuration, and so will this one.
      if (state === undefined) continue;
      planned.set(entry.entry, planEntry(entry, state, hostname, this.#moment(clock.now())));
    }
    this.#entries = planned;
    this.#ofJob = Map.groupBy(planned.values(), ({ job }) => job.name);
    this.#heapUp();
    return { problems };
  }

  #heapUp(): void {
    this.#heap = new TimeHeap(
      nameOf,
      [...this.#entries.values()]
        .filter(({ at }) => at !== Infinity)
        .map((entry) => [entry.at, entry]),
    );
  }

  /** In the order of time; what is due at one time, in the order of names: those that share a queue run in that order. */
  async #runDue(call: CallOptions): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      const now = clock.now();
      const lost: PlannedEntry[] = [];
      let entry: PlannedEntry | undefined;
      try {
        while ((entry = this.#heap.take(now)) !== undefined) {
          if (await this.#runEntry(entry, this.#moment(now), call)) this.#add(entry);
          else lost.push(entry);
        }
        if (lost.length === 0) return;
        await this.#takeOver(lost, call);
      } catch (error) {
        // Nothing drops out because the catalog did not answer.
        for (const left of entry === undefined ? lost : [...lost, entry]) this.#add(left);
        throw error;
      }
    }
  }

  #add(entry: PlannedEntry): void {
    if (entry.at !== Infinity) this.#heap.add(entry.at, entry);
  }

  /** Entries with which another instance, or somebody who skips runs, was sooner. */
  async #takeOver(lost: readonly PlannedEntry[], call: CallOptions): Promise<void> {
    const states = await this.#options.catalog.schedules.list(call);
    for (const entry of lost) {
      const state = states.get(entry.entry);
      if (state === undefined) {
        entry.at = Infinity;
        continue;
      }
      const now = this.#options.clock.now();
      const isSame =
        state.consideredUntil === entry.state.consideredUntil &&
        state.skipNext === entry.state.skipNext;
      entry.state = state;
      replan(entry, this.#moment(now));
      // Changed back and forth meanwhile: no reason to try at once, again and again.
      if (isSame) entry.at = Math.max(entry.at, now + 1000);
      this.#add(entry);
    }
  }

  /** Queues the run of an entry whose time has come, or leaves it out, or puts it off. `false` if the catalog says something else than this instance knew. */
  async #runEntry(entry: PlannedEntry, moment: PlanMoment, call: CallOptions): Promise<boolean> {
    const { schedules } = this.#options.catalog;
    const { schedule, state, next, key } = entry;
    const { now } = moment;
    if (next === undefined || next.at > now) {
      replan(entry, moment);
      return true;
    }
    const later = await this.#laterBegin(entry, now, call);
    if (later > now) {
      entry.at = later;
      return true;
    }
    const missed = wasMissed(next, moment);
    const run = this.#runOf(entry, next.due, missed);
    const reason = await this.#reasonAgainst(entry, run, missed, call);
    const to: ScheduleState = {
      ...state,
      consideredUntil: consideredAfter(schedule, next, now, key, missed),
      skipNext: Math.max(0, state.skipNext - 1),
      ...(reason === undefined && { lastQueued: now }),
    };
    const id = await schedules.claim(state, to, reason === undefined ? run : undefined, call);
    if (id === undefined) return false;
    this.#tell(entry, id, next.due, reason);
    entry.state = to;
    replan(entry, moment);
    return true;
  }

  #runOf({ job, activity }: PlannedEntry, due: number, missed: boolean): NewRun {
    const trigger = missed ? 'catch-up' : 'schedule';
    return {
      job: job.name,
      activity,
      trigger,
      priority: priorityOf(trigger, activity),
      keys: runKeys(job, this.#configuration, activity),
      scheduledFor: due,
    };
  }

  /** When a run that is due may begin: not in a blackout window, not too soon after the last one. */
  async #laterBegin(
    { schedule, job, activity }: PlannedEntry,
    now: number,
    call: CallOptions,
  ): Promise<number> {
    const outside = leaveBlackouts(schedule.blackout, now);
    if (outside > now || schedule.minimumGap === 0) return outside;
    const last = await this.#options.catalog.runs.list(
      { job: job.name, activities: [activity], limit: 20 },
      call,
    );
    const begun = last
      .filter(({ state }) => state !== 'skipped' && state !== 'cancelled')
      .map(({ startedAt, notBefore, queuedAt }) => startedAt ?? notBefore ?? queuedAt)
      // One that is said to have begun in the future was written by a clock that went wrong.
      .filter((time) => time <= now);
    return begun.length === 0
      ? now
      : leaveBlackouts(schedule.blackout, Math.max(now, Math.max(...begun) + schedule.minimumGap));
  }

  async #reasonAgainst(
    entry: PlannedEntry,
    run: NewRun,
    missed: boolean,
    call: CallOptions,
  ): Promise<string | undefined> {
    const { catalog, isOnline } = this.#options;
    if (entry.state.skipNext > 0) return 'It was to be left out';
    if (!missed) return undefined;
    if (this.#wasMadeUpFor(entry)) return 'It was made up for by another run of the job';
    return reasonAgainst(entry.schedule.missed, run, { runs: catalog.runs, isOnline }, call);
  }

  /** A job with several schedules makes up for all of them by one run. */
  #wasMadeUpFor({ entry, job, activity, next }: PlannedEntry): boolean {
    return this.#ofJob
      .get(job.name)!
      .some(
        (other) =>
          other.entry !== entry &&
          other.activity === activity &&
          (other.state.lastQueued ?? -Infinity) >= next!.at,
      );
  }

  #tell({ job, activity }: PlannedEntry, id: string, due: number, reason?: string): void {
    const fields = { job: job.name, activity, due: new Date(due).toISOString() };
    if (reason === undefined) this.#options.log.debug('A run is queued', { ...fields, run: id });
    else this.#options.log.info(`A run is left out: ${reason}`, fields);
  }
}
