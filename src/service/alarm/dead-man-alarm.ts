import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import { durationMilliseconds, parseDuration } from '../../base/duration.ts';
import { messageOf } from '../../base/errors.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { Job } from '../../model/job.ts';
import type { JobStatus } from '../../model/job-status.ts';
import type { ServiceLog } from '../log.ts';
import type { JobStatuses } from '../status/job-statuses.ts';
import { missedReportsOf } from '../telling/reports-of.ts';
import { type Alarm, changeAlarm, type KeptAlarm, listAlarms } from './alarm-notes.ts';
import { notePresence, type Presence } from './presence.ts';
import { watchedJobs } from './watched-jobs.ts';

export interface DeadManAlarmOptions {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly log: ServiceLog;
  readonly statuses: JobStatuses;
  /** Name of this machine, where the settings give none. */
  readonly hostName: string;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** It is looked whether anything changed so often, also to notice that nobody looked for a while. */
const ROUND = 15 * MINUTE;
/** Everything is looked at at least so often. */
const LONGEST = HOUR;
/** After nobody was there, what is overdue gets so much time to begin … */
const GRACE = 15 * MINUTE;
/** … and what has begun or waits so much to end. */
const LONG_GRACE = 12 * HOUR;
/** Who wanted to tell an alarm and has not done it for so long is dead. */
const TELLING = 2 * MINUTE;
const DAILY = 24 * HOUR;
/**
 * Tells when a job did not succeed for longer than it may be, also if it never ran: once for each episode, then daily (`alarmReminder`) until it has
 * succeeded. Several may work on one catalog: one of them tells. What was missed while the machine slept or nothing ran gets time to be made up for.
 */
export class DeadManAlarm implements AsyncDisposable {
  readonly #options: DeadManAlarmOptions;
  readonly #stop = new AbortController();
  #ended: Promise<void> = Promise.resolve();
  #nextLook = -Infinity;
  #revision: number | undefined;
  #lastNow = -Infinity;

  constructor(options: DeadManAlarmOptions) {
    this.#options = options;
  }

  /** Begins to watch; `await using` ends it. */
  static start(options: DeadManAlarmOptions): DeadManAlarm {
    const alarm = new DeadManAlarm(options);
    alarm.#ended = alarm.#work(alarm.#stop.signal);
    return alarm;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The alarm ends'));
    await this.#ended;
  }

  /** One round; resolves with how many milliseconds later the next one should be. */
  async round(options: CallOptions = {}): Promise<number> {
    const { catalog, clock } = this.#options;
    const now = clock.now();
    const presence = await notePresence(catalog.notes, now, options);
    const revision = await catalog.configuration.revision(options);
    const isCalm = now >= this.#lastNow && now < this.#nextLook && revision === this.#revision;
    this.#lastNow = now;
    if (!isCalm) {
      this.#nextLook = await this.#look(now, presence, options);
      this.#revision = revision;
    }
    return Math.max(1000, Math.min(ROUND, this.#nextLook - now));
  }

  async #work(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      let wait = MINUTE;
      try {
        wait = await this.round({ signal });
      } catch (error) {
        if (signal.aborted) return;
        log.error('The alarm for missed backups could not look', { error: messageOf(error) });
      }
      await clock.sleep(wait, { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  /** Looks at all jobs; resolves with the time by which it has to do so again. */
  async #look(now: number, presence: Presence, options: CallOptions): Promise<number> {
    const jobs = await watchedJobs(this.#options, now, options);
    const { notes } = this.#options.catalog;
    const alarms = await listAlarms(notes, options);
    const busy = await this.#busyJobs(presence, now, options);
    const reminder = await this.#reminder(options);
    let next = now + LONGEST;
    for (const status of jobs) {
      const { job, isLate, dueBy } = status;
      if (!isLate) {
        if (dueBy !== undefined) next = Math.min(next, Math.max(dueBy + 1, now + 1000));
        continue;
      }
      const patience = Math.max(
        presence.backSince + GRACE,
        busy.has(job) ? presence.backSince + LONG_GRACE : 0,
      );
      const kept = alarms.get(job);
      const at = Math.max(patience, tellAgainAt(kept?.alarm, dueBy, reminder));
      if (now < at) {
        // A run that is waited for may end before.
        next = Math.min(next, busy.has(job) ? now + ROUND : at);
        continue;
      }
      const isTold = await this.#tell(status, kept, now, options);
      next = Math.min(next, now + (isTold ? reminder : TELLING));
    }
    // So that it is over soon after the success.
    if (alarms.size > 0) next = Math.min(next, now + ROUND);
    const late = new Set(jobs.filter(({ isLate }) => isLate).map(({ job }) => job));
    for (const [job, kept] of alarms) {
      if (late.has(job)) continue;
      await changeAlarm(notes, job, undefined, kept, options);
      this.#options.log.info('An alarm is over', { job });
    }
    return next;
  }

  /** Jobs with runs that are under way or wait, as long as it matters. */
  async #busyJobs(
    { backSince }: Presence,
    now: number,
    options: CallOptions,
  ): Promise<ReadonlySet<string>> {
    if (now >= backSince + LONG_GRACE) return new Set();
    const { runs } = this.#options.catalog;
    const open = await runs.list({ states: ['queued', 'running'], limit: 100_000 }, options);
    return new Set(open.map(({ job }) => job));
  }

  async #reminder(options: CallOptions): Promise<number> {
    const { settings } = await this.#options.statuses.configuration(options);
    const { alarmReminder } = settings;
    if (alarmReminder === undefined) return DAILY;
    if (alarmReminder === 'off') return Infinity;
    return Math.max(MINUTE, durationMilliseconds(parseDuration(alarmReminder)));
  }

  /** Resolves to false if it has to be tried again. Nothing about one job keeps those of others from being told. */
  async #tell(
    status: JobStatus,
    kept: KeptAlarm | undefined,
    now: number,
    options: CallOptions,
  ): Promise<boolean> {
    try {
      await this.#tellOnce(status, kept, now, options);
      return true;
    } catch (error) {
      options.signal?.throwIfAborted();
      const { job } = status;
      this.#options.log.error('An alarm could not be told', { job, error: messageOf(error) });
      return false;
    }
  }

  /** First it is noted that it is about to be told, so that nobody else does; then it is told; then noted that it was. */
  async #tellOnce(
    status: JobStatus,
    kept: KeptAlarm | undefined,
    now: number,
    options: CallOptions,
  ): Promise<void> {
    const { catalog, log, statuses, hostName } = this.#options;
    const { job: name, dueBy = now } = status;
    const before = kept?.alarm.dueBy === dueBy ? kept.alarm : undefined;
    // What nobody has finished telling is told as what it was.
    const times = before === undefined ? 1 : before.times + (before.isTold ? 1 : 0);
    const alarm: Alarm = { dueBy, times, at: now, isTold: false };
    const claimed = await changeAlarm(catalog.notes, name, alarm, kept, options);
    if (claimed === undefined) return;
    const configuration = await statuses.configuration(options);
    const job = configuration.jobs.find((one) => one.name === name);
    if (job !== undefined) {
      const { settings } = configuration;
      const histories = await Promise.all(
        status.activities.map(({ activity }) => catalog.runs.history(name, activity, options)),
      );
      // A reminder is another report than the first; what a dead instance may have told already is the same.
      const entries = missedReportsOf(job, dueBy + times - 1, {
        configuration,
        host: settings.hostname ?? hostName,
        timeZone: settings.timeZone ?? statuses.timeZone,
        now,
        histories: histories.filter((history) => history !== undefined),
        nextRun: status.nextRun,
        periodicity: periodicityOf(job),
        alarmed: true,
      });
      log.warn('A job has not succeeded in time', { job: name, times });
      if (entries.length > 0) await catalog.outbox.add(entries, now, options);
    }
    await changeAlarm(catalog.notes, name, { ...alarm, isTold: true }, claimed, options);
  }
}

/** When an alarm is to be told, or told again; at once if it is another one than the last. */
function tellAgainAt(
  alarm: Alarm | undefined,
  dueBy: number | undefined,
  reminder: number,
): number {
  if (alarm === undefined || alarm.dueBy !== dueBy) return -Infinity;
  return alarm.at + (alarm.isTold ? reminder : TELLING);
}

/** The name of the job's schedule, if it is one: `daily`. */
function periodicityOf({ schedule }: Job): string | undefined {
  const [first] = [schedule].flat();
  const when = typeof first === 'object' ? first.when : first;
  return when !== undefined && /^[a-z][\w-]*$/iu.test(when) ? when : undefined;
}
