import { AppError } from '../../base/errors.ts';
import type { ScheduleState } from '../../catalog/catalog.ts';
import type { Configuration } from '../../model/configuration.ts';
import type { Job } from '../../model/job.ts';
import { jitterKey } from '../../model/schedule/jitter.ts';
import {
  mainActivityOf,
  type ScheduleEntry,
  scheduleEntries,
} from '../../model/schedule/schedule-entries.ts';
import { periodOf } from '../../model/schedule/schedule-period.ts';
import { nextRun, type ResolvedSchedule, resolveSchedule } from '../../model/schedule/schedule.ts';

export type ScheduleStates = ReadonlyMap<string, ScheduleState>;

interface KnownEntry extends ScheduleEntry {
  readonly resolved: ResolvedSchedule;
}

/** What follows from the schedules of one state of the configuration: periods, and when what runs next. What was reckoned once is kept. */
export class ScheduleOutlook {
  readonly #configuration: Configuration;
  readonly #timeZone: string;
  readonly #hostName: string;
  readonly #entries = new Map<string, readonly KnownEntry[]>();
  readonly #next = new Map<string, { readonly basis: string; readonly at: number | undefined }>();

  /** `timeZone` and `hostName` are those of this machine, where the settings name none. */
  constructor(configuration: Configuration, timeZone: string, hostName: string) {
    this.#configuration = configuration;
    const { settings } = configuration;
    this.#timeZone = settings.timeZone ?? timeZone;
    this.#hostName = settings.hostname ?? hostName;
  }

  /** The longest normal time between two runs of what the job is for, in milliseconds. */
  periodOf(job: Job): number | undefined {
    if (job.enabled === false) return undefined;
    const periods = this.#mainEntries(job).flatMap(({ resolved }) => {
      const period = periodOf(resolved);
      return period === undefined ? [] : [period + resolved.jitter];
    });
    return periods.length === 0 ? undefined : Math.min(...periods);
  }

  /** When the job next does what it is for. */
  nextRunOf(job: Job, states: ScheduleStates, now: number): number | undefined {
    if (job.enabled === false) return undefined;
    const times = this.#mainEntries(job).flatMap((entry) => this.#nextOf(entry, states, now) ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** The next `count` runs of each schedule of a job, those that are to be skipped left out. */
  upcoming(
    job: Job,
    states: ScheduleStates,
    now: number,
    count: number,
  ): readonly {
    readonly entry: ScheduleEntry;
    readonly skipNext: number;
    readonly at: readonly number[];
  }[] {
    return this.#entriesOf(job).map(({ resolved, ...entry }) => {
      const state = states.get(entry.entry);
      const skipNext = state?.skipNext ?? 0;
      const at =
        job.enabled === false
          ? []
          : this.#times({ ...entry, resolved }, state, now, skipNext + count).slice(skipNext);
      return { entry, skipNext, at };
    });
  }

  #nextOf(entry: KnownEntry, states: ScheduleStates, now: number): number | undefined {
    const state = states.get(entry.entry);
    const basis = `${state?.consideredUntil} ${state?.skipNext}`;
    const known = this.#next.get(entry.entry);
    if (known?.basis === basis && (known.at === undefined || known.at > now)) return known.at;
    const skipNext = state?.skipNext ?? 0;
    const at = this.#times(entry, state, now, skipNext + 1)[skipNext];
    this.#next.set(entry.entry, { basis, at });
    return at;
  }

  /** The next `count` times. An interval is counted from what was last dealt with, a calendar goes on by itself. */
  #times(
    { job, resolved }: KnownEntry,
    state: ScheduleState | undefined,
    now: number,
    count: number,
  ): number[] {
    const isInterval = resolved.expression?.kind === 'interval';
    const key = jitterKey(this.#hostName, job);
    const times: number[] = [];
    let after = isInterval ? (state?.consideredUntil ?? now) : now;
    while (times.length < count) {
      const next = nextRun(resolved, after, key);
      if (next === undefined) break;
      // One that is overdue begins as soon as it may.
      times.push(Math.max(next, now));
      after = next;
    }
    return times;
  }

  #mainEntries(job: Job): readonly KnownEntry[] {
    const activity = mainActivityOf(job);
    return this.#entriesOf(job).filter((entry) => entry.activity === activity);
  }

  #entriesOf(job: Job): readonly KnownEntry[] {
    let entries = this.#entries.get(job.name);
    if (entries === undefined) {
      entries = scheduleEntries(job).flatMap((entry) => this.#resolved(entry));
      this.#entries.set(job.name, entries);
    }
    return entries;
  }

  /** A schedule that makes no sense does not hide how everything else stands; whoever took it in has refused it. */
  #resolved(entry: ScheduleEntry): KnownEntry[] {
    const { periodicities, settings } = this.#configuration;
    try {
      const { blackout } = settings;
      const resolved = resolveSchedule(entry.schedule, periodicities, {
        timeZone: this.#timeZone,
        blackout,
      });
      return [{ ...entry, resolved }];
    } catch (error) {
      if (error instanceof AppError) return [];
      throw error;
    }
  }
}
