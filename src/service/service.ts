import type { CallOptions } from '../base/call-options.ts';
import type { Clock } from '../base/clock.ts';
import { AppError, messageOf } from '../base/errors.ts';
import { durationMilliseconds, parseDuration } from '../base/duration.ts';
import type { ProcessIdentity } from '../base/process-identity.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Configuration } from '../model/configuration.ts';
import type { ChannelSettings } from '../model/channel.ts';
import type { ReadConfiguration } from '../configuration/read-configuration.ts';
import { DeadManAlarm } from './alarm/dead-man-alarm.ts';
import { ConfigurationFile } from './configuration-file.ts';
import { Feed } from './feed.ts';
import type { ServiceLog } from './log.ts';
import type { OwnProgramSettings } from './program/own-program.ts';
import { createRunnerContext } from './runner/create-runner-context.ts';
import { endBusyRuns } from './runner/busy-runs.ts';
import { recoverRuns } from './runner/recovery.ts';
import { RunWorker, type RunWorkerContext } from './runner/run-worker.ts';
import type { RunEvent } from './run-event.ts';
import { isOnline } from './scheduler/conditions/network.ts';
import { systemPlaces } from './scheduler/conditions/host-places.ts';
import { Scheduler } from './scheduler/scheduler.ts';
import { JobStatuses } from './status/job-statuses.ts';
import { StatusPublisher } from './status/status-publisher.ts';
import { OutboxSender } from './telling/outbox-sender.ts';
import { tryChannel } from './telling/try-channel.ts';
import { tellingContext } from './telling-context.ts';

export interface ServiceOptions {
  readonly catalog: Catalog;
  readonly worker: ProcessIdentity;
  readonly clock: Clock;
  readonly log: ServiceLog;
  readonly program: OwnProgramSettings;
  readonly stateDirectory: string;
  readonly timeZone: string;
  /** Fully qualified name of this machine, where the settings give none. */
  readonly hostName: string;
  readonly version: string;
  /** Where everybody can read how things stand, besides the state directory. */
  readonly publicStatusFile?: string | undefined;
  /** A configuration file or directory, kept in step with the catalog. */
  readonly configuration?: {
    readonly place: string;
    readonly read: (place: string, options: CallOptions) => Promise<ReadConfiguration>;
    readonly fingerprint: (place: string, options: CallOptions) => Promise<string | undefined>;
  };
}

/** Looks after what nobody rings a bell for, in milliseconds. */
const ROUND = 15_000;
/** In milliseconds. */
const SETTLING = 1000;
/** Between two rounds the clocks may differ by so much; more is a machine that has slept. */
const SLEPT = 10_000;
/** History is tidied so often. */
const TIDYING = 6 * 60 * 60_000;
/** How long runs have to end in order, in milliseconds: whoever stops us gives ten seconds. */
const GRACE = 8000;
/** How long runs have after that to say how they have ended: until then the catalog stays open. */
const LAST_WORDS = 1000;

const DEFAULT_PARALLEL = 2;
const DEFAULT_HISTORY = '1Y';

/** Everything that works by itself: schedules, runs, telling, alarms. `await using` ends it in order, within ten seconds. */
export class Service implements AsyncDisposable {
  readonly feed: Feed<RunEvent>;
  readonly statuses: JobStatuses;
  readonly #options: ServiceOptions;
  readonly #context: RunWorkerContext;
  readonly #worker: RunWorker;
  readonly #stop = new AbortController();
  readonly #lasting = new AbortController();
  readonly #parts: AsyncDisposable[] = [];
  #scheduler: Scheduler | undefined;
  #file: ConfigurationFile | undefined;
  #publisher: StatusPublisher | undefined;
  #loops: Promise<unknown> = Promise.resolve();
  #standstill: string | undefined;
  /** What has ended a part of it for good. */
  #failure: string | undefined;
  #tidied = -Infinity;

  constructor(options: ServiceOptions) {
    this.#options = options;
    const { catalog, clock, log, timeZone, hostName } = options;
    this.feed = new Feed((error) => log.error(`A listener has failed: ${messageOf(error)}`));
    this.statuses = new JobStatuses({ catalog, clock, timeZone, hostName });
    this.#context = createRunnerContext({
      ...options,
      feed: this.feed,
      readConfiguration: () => this.statuses.configuration(),
      nextRunOf: async (job) => await Promise.resolve(this.#scheduler?.nextRunOf(job)),
    });
    this.#worker = new RunWorker(this.#context);
  }

  /**
   * Puts right what is left of runs that died, takes the configuration over, and begins to work.
   *
   * @throws AppError of the catalog; what is wrong with the configuration if there is no older one
   */
  async start(call: CallOptions = {}): Promise<void> {
    const { catalog, clock, log, timeZone, hostName, configuration } = this.#options;
    const broken = await recoverRuns(
      this.#context,
      [],
      AbortSignal.any([this.#stop.signal, ...(call.signal === undefined ? [] : [call.signal])]),
    );
    if (broken.length > 0) {
      log.warn(`${broken.length === 1 ? '1 run was' : `${broken.length} runs were`} broken off`);
    }
    if (configuration !== undefined) {
      this.#file = new ConfigurationFile({
        ...configuration,
        version: this.#options.version,
        catalog,
        clock,
        log,
        onChange: async () => {
          await this.#scheduler?.refresh();
          this.#publisher?.refresh();
        },
      });
      this.#parts.push(this.#file);
      await this.#file.start(call);
    }
    this.#scheduler = await Scheduler.start(
      {
        catalog,
        clock,
        log,
        timeZone,
        hostname: hostName,
        isOnline: (options) => isOnline(systemPlaces.network, options),
      },
      call,
    );
    this.#parts.push(this.#scheduler);
    this.#startTelling();
    this.#loops = Promise.all([
      this.#tolerated(this.#dispatch()),
      this.#tolerated(this.#lookAfter()),
    ]);
    log.info('The service works', { catalog: catalog.location });
  }

  /** Why no runs are queued or started just now; `undefined` if they are. */
  get standstill(): string | undefined {
    return this.#failure ?? this.#standstill ?? this.#scheduler?.standstill;
  }

  /** Reads the configuration file again, as after SIGHUP. */
  async reload(): Promise<void> {
    if (this.#file !== undefined) await this.#file.reload();
    else await this.#scheduler?.refresh();
  }

  /** Sends a made-up report by a channel, as real ones are sent. @throws AppError `input/invalid`, `notify/failed`, `notify/refused` */
  async testChannel(
    name: string,
    settings: ChannelSettings,
    call: CallOptions = {},
  ): Promise<void> {
    const { timeZone, hostName } = this.#options;
    const { channels } = tellingContext({
      ...this.#options,
      baseDirectory: this.#file?.directory,
    });
    const { settings: own } = await this.statuses.configuration(call);
    await tryChannel(
      {
        name,
        settings,
        context: channels,
        host: own.hostname ?? hostName,
        timeZone: own.timeZone ?? timeZone,
      },
      call,
    );
  }

  /** Ends everything in order: no run begins any more, those under way are cancelled and put right what they have changed. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { log } = this.#options;
    if (this.#stop.signal.aborted) return;
    const reason = new AppError('interrupted', 'The service was stopped');
    this.#stop.abort(reason);
    const { promise: hangs, resolve: giveUp } = Promise.withResolvers<void>();
    const timers = [
      setTimeout(() => this.#lasting.abort(reason), GRACE),
      setTimeout(giveUp, GRACE + LAST_WORDS),
    ];
    this.#worker.cancelAll(reason);
    try {
      // What hangs must not keep us: the journal knows what is still to be put right.
      await Promise.race([this.#loops, hangs]);
      // One that cannot end in order keeps none of the others from it.
      for (const part of this.#parts.toReversed())
        await this.#tolerated(part[Symbol.asyncDispose]());
    } finally {
      for (const timer of timers) clearTimeout(timer);
    }
    log.info('The service has ended');
  }

  /** What tells others how things stand. */
  #startTelling(): void {
    const { catalog, clock, log, hostName, version, stateDirectory, publicStatusFile } =
      this.#options;
    const { statuses, feed } = this;
    const sender = new OutboxSender(
      tellingContext({ ...this.#options, baseDirectory: this.#file?.directory }),
    );
    const sending = sender.run({ signal: this.#stop.signal });
    this.#publisher = StatusPublisher.start({
      catalog,
      clock,
      log,
      statuses,
      feed,
      version,
      hostName,
      stateDirectory,
      publicFile: publicStatusFile,
    });
    this.#parts.push(
      {
        async [Symbol.asyncDispose]() {
          await sender[Symbol.asyncDispose]();
          await sending;
        },
      },
      this.#publisher,
      DeadManAlarm.start({ catalog, clock, log, statuses, hostName }),
    );
  }

  /** Starts runs as long as there are some and there is room. */
  async #dispatch(): Promise<void> {
    const { catalog, clock, worker } = this.#options;
    const { signal } = this.#stop;
    const atWork = new Set<Promise<void>>();
    while (!signal.aborted) {
      await this.#patiently(async () => {
        const { settings } = await this.statuses.configuration({ signal });
        if (atWork.size >= (settings.parallel ?? DEFAULT_PARALLEL)) {
          // When we are to end, they are.
          await Promise.race(atWork);
          return;
        }
        const run = await catalog.queue.claim(worker, clock.now(), { signal });
        if (run === undefined) {
          await catalog.queue.waitForWork(ROUND, { signal });
          return;
        }
        // Should it have been claimed just when we end: it begins, learns that, and is finished as cancelled.
        const work = this.#work(run).finally(() => atWork.delete(work));
        atWork.add(work);
      });
    }
    await Promise.all(atWork);
  }

  async #work(run: Parameters<RunWorker['work']>[0]): Promise<void> {
    const { log } = this.#options;
    try {
      const working = this.#worker.work(run, this.#lasting.signal);
      if (this.#stop.signal.aborted) this.#worker.cancelAll(this.#stop.signal.reason as AppError);
      await working;
    } catch (error) {
      log.error(`A run could not be brought to its end: ${messageOf(error)}`, {
        run: run.id,
        job: run.job,
      });
    }
  }

  /** What has to be looked at now and then: runs of dead workers, runs that wait for too long, old history. */
  async #lookAfter(): Promise<void> {
    const { catalog, clock } = this.#options;
    const { signal } = this.#stop;
    let looked = clock.monotonic();
    let drift = clock.now() - clock.monotonic();
    while (!signal.aborted) {
      await this.#patiently(async () => {
        await catalog.queue.waitForWork(ROUND, { signal });
        // What was queued just now is most likely just being begun.
        await clock.sleep(SETTLING, { signal });
        const configuration = await this.statuses.configuration({ signal });
        await endBusyRuns(this.#context, configuration, signal);
        if (clock.monotonic() - looked < ROUND) return;
        looked = clock.monotonic();
        const before = drift;
        drift = clock.now() - clock.monotonic();
        // Others that live, and slept as we did, renew their claims first.
        if (Math.abs(drift - before) > SLEPT) return;
        await recoverRuns(this.#context, this.#worker.running, signal);
        await this.#tidy(configuration);
      });
    }
  }

  /** Drops old history. */
  async #tidy({ settings }: Configuration): Promise<void> {
    const { catalog, clock, log } = this.#options;
    const now = clock.now();
    if (now - this.#tidied < TIDYING) return;
    this.#tidied = now;
    const kept = durationMilliseconds(parseDuration(settings.history ?? DEFAULT_HISTORY));
    const { signal } = this.#stop;
    const dropped = await catalog.runs.dropOlderThan(now - kept, { signal });
    if (dropped > 0) log.info(`Dropped ${dropped} old runs from the history`);
  }

  /** What should never fail: if it does, that is told, and everything else goes on. */
  async #tolerated(work: PromiseLike<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#failure ??= messageOf(error);
      this.#options.log.error(`A part of the service has failed: ${messageOf(error)}`);
    }
  }

  /** Does something that needs the catalog; when that does not answer, this is told once, and tried again later. */
  async #patiently(act: () => Promise<void>): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stop;
    try {
      await act();
      if (this.#standstill !== undefined) log.info('The catalog answers again');
      this.#standstill = undefined;
    } catch (error) {
      if (signal.aborted) return;
      const message = messageOf(error);
      if (this.#standstill !== message) log.error(`No runs are started for now: ${message}`);
      this.#standstill = message;
      await clock.sleep(5000, { signal }).catch(() => undefined); // it ends
    }
  }
}
