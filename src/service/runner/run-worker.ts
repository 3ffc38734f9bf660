import { AppError, messageOf } from '../../base/errors.ts';
import type { OutboxEntry, RunEnd } from '../../catalog/catalog.ts';
import type { Configuration } from '../../model/configuration.ts';
import type { Job } from '../../model/job.ts';
import type { Run } from '../../model/run.ts';
import { problemOfError } from '../program/own-program.ts';
import { executeRun, type RunResult, type RunSignals } from './execute-run.ts';
import type { RunnerContext } from './runner-context.ts';

/** Between two renewals of a claim, in milliseconds. */
export const RENEWAL = 5000;
/** Pauses while the catalog does not answer, in milliseconds. */
const PATIENCE: readonly number[] = [500, 1000, 2000, 5000, 10_000, 30_000];

/** What is told about a run that begins or is over. */
export type ReportMaker = (
  run: Run,
  job: Job | undefined,
  configuration: Configuration,
) => Promise<readonly OutboxEntry[]>;

export interface RunWorkerContext extends RunnerContext {
  readonly reportsOf: ReportMaker;
  /** Time between two renewals of a claim, by which a cancellation is learnt, in milliseconds; 5 s by default. */
  readonly renewal?: number;
  /** Does what a claimed run is for; `executeRun` unless something else is to be done than its job says. */
  readonly execute?: (run: Run, context: RunnerContext, signals: RunSignals) => Promise<RunResult>;
}

/** Executes claimed runs and writes down what came of them. */
export class RunWorker {
  readonly #context: RunWorkerContext;
  /** Those under way, by id. */
  readonly #running = new Map<string, AbortController>();
  #isEnding = false;

  constructor(context: RunWorkerContext) {
    this.#context = context;
  }

  get running(): readonly string[] {
    return [...this.#running.keys()];
  }

  /** Ends a run that this worker has at work; `false` if it has not. */
  cancel(id: string, reason = new AppError('interrupted', 'The run was cancelled')): boolean {
    const controller = this.#running.get(id);
    controller?.abort(reason);
    return controller !== undefined;
  }

  /** Ends all of them in order: what they have begun is put right, and they are finished as cancelled; those that a schedule wanted are queued anew. */
  cancelAll(reason: AppError): void {
    this.#isEnding = true;
    for (const id of this.#running.keys()) this.cancel(id, reason);
  }

  /**
   * Does what a run is for that was just claimed, and finishes it. Resolves with how it ended, `undefined` if it was postponed or another worker has taken it
   * over. Rejects only if the catalog cannot be used before `lasting` aborts.
   */
  async work(run: Run, lasting: AbortSignal): Promise<RunEnd | undefined> {
    const { log, feed } = this.#context;
    const controller = new AbortController();
    this.#running.set(run.id, controller);
    const fields = { run: run.id, job: run.job };
    log.info(`Begins: ${run.activity} of "${run.job}"`, fields);
    feed.publish({ type: 'run', run });
    const done = new AbortController();
    const renewing = this.#keep(run, controller, done.signal);
    try {
      const telling = this.#tellBeginning(run);
      const { execute = executeRun } = this.#context;
      const result = await execute(run, this.#context, { signal: controller.signal, lasting });
      // Whoever hears of the beginning after the end waits for another one.
      await telling;
      return await this.#finish(run, result, lasting);
    } finally {
      done.abort();
      await renewing;
      this.#running.delete(run.id);
    }
  }

  /** Writes down how a run ended that is this worker's. Tries until it is done. */
  async #finish(run: Run, result: RunResult, lasting: AbortSignal): Promise<RunEnd | undefined> {
    const { catalog, worker, clock, log, feed, reportsOf } = this.#context;
    const fields = { run: run.id, job: run.job };
    if (result.kind === 'postponed') {
      const { notBefore, reason } = result;
      await this.#patiently(lasting, () =>
        catalog.queue.postpone(run.id, worker.id, notBefore, reason),
      );
      feed.publish({ type: 'run', run: { ...run, state: 'queued', notBefore, reason } });
      return undefined;
    }
    const { end, job, configuration } = result;
    const now = clock.now();
    const { outcome, ...told } = end;
    const over: Run = { ...run, ...told, state: outcome, finishedAt: now };
    if (end.outcome === 'cancelled') await this.#makeUpFor(run, lasting);
    const isOurs = await this.#patiently(lasting, async () => {
      let reports: readonly OutboxEntry[] = [];
      try {
        reports = await reportsOf(over, job, configuration);
      } catch (error) {
        // A run that has ended counts more than that somebody is told.
        log.error(`Cannot tell about a run: ${messageOf(error)}`, fields);
      }
      return await catalog.queue.finish(run.id, worker.id, end, now, reports);
    });
    if (!isOurs) {
      log.warn('Another instance has taken over a run that this one had at work', fields);
      return undefined;
    }
    feed.publish({ type: 'run', run: over });
    const level = end.outcome === 'failed' ? 'error' : end.outcome === 'warned' ? 'warn' : 'info';
    const reason = end.reason === undefined ? '' : `: ${end.reason}`;
    log[level](`Ends: ${run.activity} of "${run.job}" ${end.outcome}${reason}`, {
      ...fields,
      outcome: end.outcome,
    });
    return end;
  }

  /**
   * A run that its schedule wanted and that only ends because we do is queued anew, for the next start or for another instance: a restart of the machine in the night must
   * not cost a backup. Before it ends, so that a death in between loses nothing; nobody can begin it while its keys are held.
   */
  async #makeUpFor(run: Run, lasting: AbortSignal): Promise<void> {
    if (!this.#isEnding || (run.trigger !== 'schedule' && run.trigger !== 'catch-up')) return;
    const { catalog, clock } = this.#context;
    const { job, activity, priority, keys, scheduledFor, parameters } = run;
    await this.#patiently(lasting, () =>
      catalog.queue.add(
        {
          job,
          activity,
          trigger: 'catch-up',
          priority,
          keys,
          ...(scheduledFor !== undefined && { scheduledFor }),
          ...(parameters !== undefined && { parameters }),
        },
        clock.now(),
      ),
    );
  }

  async #tellBeginning(run: Run): Promise<void> {
    const { catalog, clock, log, reportsOf, readConfiguration } = this.#context;
    try {
      const configuration = await readConfiguration();
      const job = configuration.jobs.find(({ name }) => name === run.job);
      const reports = await reportsOf(run, job, configuration);
      if (reports.length > 0) await catalog.outbox.add(reports, clock.now());
    } catch (error) {
      log.warn(`Cannot tell that a run begins: ${messageOf(error)}`, { run: run.id, job: run.job });
    }
  }

  /** Keeps the claim of a run as long as it is under way. */
  async #keep(run: Run, controller: AbortController, done: AbortSignal): Promise<void> {
    const { catalog, worker, clock, log, renewal = RENEWAL } = this.#context;
    while (!done.aborted) {
      try {
        await clock.sleep(renewal, { signal: done });
        const { held, cancelled } = await catalog.queue.renew(run.id, worker.id, clock.now());
        if (cancelled) controller.abort(new AppError('interrupted', 'The run was cancelled'));
        if (held || done.aborted) continue;
        const message = 'Another instance has taken the run over';
        controller.abort(new AppError('job/busy', message));
        return;
      } catch (error) {
        if (done.aborted) return;
        log.warn(`Cannot renew the claim of a run: ${problemOfError(error).message}`, {
          run: run.id,
          job: run.job,
        });
      }
    }
  }

  async #patiently<Result>(lasting: AbortSignal, act: () => Promise<Result>): Promise<Result> {
    const { clock, log } = this.#context;
    for (let attempt = 0; ; attempt++) {
      try {
        return await act();
      } catch (error) {
        if (lasting.aborted) throw error;
        log.error(`Cannot write down how a run ended: ${messageOf(error)}`);
        const pause = PATIENCE[Math.min(attempt, PATIENCE.length - 1)]!;
        await clock.sleep(pause, { signal: lasting });
      }
    }
  }
}
