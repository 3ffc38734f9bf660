import path from 'node:path';

import type { CallOptions } from '../../base/call-options.ts';
import { messageOf } from '../../base/errors.ts';
import type { ServiceSettings } from '../../model/configuration.ts';
import { watchedJobs } from '../alarm/watched-jobs.ts';
import type { Feed } from '../feed.ts';
import type { ServiceLog } from '../log.ts';
import type { RunEvent } from '../run-event.ts';
import { readServiceStatus, type ServiceStatusSource } from './service-status.ts';
import { type StatusPlaces, writeStatusFiles } from './write-status-files.ts';

export interface StatusPublisherOptions extends ServiceStatusSource {
  readonly log: ServiceLog;
  /** What happens to runs in this process: each change is published. */
  readonly feed: Feed<RunEvent>;
  /** Where `status.json` goes unless the settings say something else; relative paths of the settings are relative to it. */
  readonly stateDirectory: string;
  /** One more place, which everybody can enter; `PUBLIC_STATUS_FILE` for root. */
  readonly publicFile?: string | undefined;
}

const MINUTE = 60_000;
/** Written at least so often, so that somebody who reads it knows that the service lives. */
const INTERVAL = 5 * MINUTE;
/** How long what was written counts; longer than the interval, for machines that are busy or have slept. */
const VALIDITY = 20 * MINUTE;
/** Many runs end at once: one write for all of them. */
const SETTLING = 1000;

/**
 * Keeps the status file and the text file for Prometheus up to date: after each run, after a change of the configuration, and every five minutes. `await using`
 * ends it, with a last status that promises no newer one.
 */
export class StatusPublisher implements AsyncDisposable {
  readonly #options: StatusPublisherOptions;
  readonly #stop = new AbortController();
  #ended: Promise<void> = Promise.resolve();
  #wake = new AbortController();
  #lastProblem: string | undefined;

  private constructor(options: StatusPublisherOptions) {
    this.#options = options;
  }

  static start(options: StatusPublisherOptions): StatusPublisher {
    const publisher = new StatusPublisher(options);
    publisher.#ended = publisher.#work(publisher.#stop.signal);
    return publisher;
  }

  /** Something else has changed: the configuration was loaded anew. */
  refresh(): void {
    this.#wake.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The status is not published any more'));
    await this.#ended;
  }

  async #work(signal: AbortSignal): Promise<void> {
    const { feed, clock } = this.#options;
    using _subscription = feed.subscribe((event) => {
      if (event.type === 'run') this.refresh();
    });
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const woken = this.#wake.signal;
      await this.#publish(clock.now() + VALIDITY, { signal });
      await this.#sleep(INTERVAL, AbortSignal.any([signal, woken]));
      if (woken.aborted) await this.#sleep(SETTLING, signal);
    }
    await this.#publish(undefined, {});
  }

  async #sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    await this.#options.clock.sleep(milliseconds, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  /** A status that cannot be written is no reason to end; it is said once. */
  async #publish(validUntil: number | undefined, options: CallOptions): Promise<void> {
    let problem: string | undefined;
    try {
      await publishStatus(this.#options, validUntil, options);
    } catch (error) {
      if (options.signal?.aborted === true) return;
      problem = messageOf(error);
    }
    if (problem !== undefined && problem !== this.#lastProblem) {
      this.#options.log.error('The status could not be published', { error: problem });
    }
    this.#lastProblem = problem;
  }
}

/**
 * Finds out how things stand and writes it down once: for commands that have run something while no service does (then without `validUntil`).
 *
 * @throws AppError of the catalog, or `local/unwritable`
 */
export async function publishStatus(
  options: Omit<StatusPublisherOptions, 'log' | 'feed'>,
  validUntil: number | undefined,
  call: CallOptions = {},
): Promise<void> {
  // Where no service watches, what never ran is to be late some day nevertheless.
  if (validUntil === undefined) await watchedJobs(options, options.clock.now(), call);
  const status = await readServiceStatus(options, call);
  const { settings } = await options.statuses.configuration(call);
  await writeStatusFiles(
    statusPlaces(settings, options),
    validUntil === undefined ? status : { ...status, validUntil },
    call,
  );
}

/** Where it is written, by the settings and by what this process may write. */
export function statusPlaces(
  { statusFile, metricsFile }: Pick<ServiceSettings, 'statusFile' | 'metricsFile'>,
  { stateDirectory, publicFile }: Pick<StatusPublisherOptions, 'stateDirectory' | 'publicFile'>,
): StatusPlaces {
  const own = path.resolve(stateDirectory, statusFile ?? 'status.json');
  return {
    statusFiles: [...new Set([own, ...(publicFile === undefined ? [] : [publicFile])])],
    ...(metricsFile !== undefined && { metricsFile: path.resolve(stateDirectory, metricsFile) }),
  };
}
