import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { failureOf, runProgram } from '../base/process.ts';

export interface ServiceManagerSettings {
  /** `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Of this process. */
  readonly pid: number;
  /** Told when the manager cannot be told something; the service goes on. */
  readonly warn: (message: string) => void;
}

/** Milliseconds after which the manager is not waited for any more. */
const patience = 10_000;

/**
 * Tells the manager of services that has started this process how things are, as sd_notify(3) says; does nothing where there is none. It is told by the program
 * `systemd-notify`, because Node has no datagram sockets of this kind; so the unit needs `NotifyAccess=all`.
 */
export class ServiceManager implements AsyncDisposable {
  readonly #settings: ServiceManagerSettings;
  readonly #ended = new AbortController();
  #watchdog: Promise<void> | undefined;

  constructor(settings: ServiceManagerSettings) {
    this.#settings = settings;
  }

  /** The service works from now on. The watchdog, if the manager wants one, is answered until the end. */
  async ready(status: string): Promise<void> {
    await this.#tell('READY=1', `STATUS=${status}`);
    this.#watchdog ??= this.#answerWatchdog();
  }

  /** What people see in `systemctl status`. */
  async status(status: string): Promise<void> {
    await this.#tell(`STATUS=${status}`);
  }

  /** The service ends in order. */
  async stopping(): Promise<void> {
    await this.#tell('STOPPING=1');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#watchdog;
  }

  async #tell(...assignments: readonly string[]): Promise<void> {
    const { environment, warn } = this.#settings;
    const socket = environment['NOTIFY_SOCKET'];
    if (socket === undefined || socket === '') return;
    try {
      const lines = assignments.map((assignment) => assignment.replaceAll(/\s+/gu, ' '));
      const end = await runProgram(['systemd-notify', ...lines], {
        environment: { PATH: environment['PATH'], NOTIFY_SOCKET: socket },
        timeLimit: patience,
      });
      const failure = failureOf(end);
      if (failure !== undefined) warn(`Cannot tell the service manager how things are: ${failure}`);
    } catch (error) {
      warn(`Cannot tell the service manager how things are: ${messageOf(error)}`);
    }
  }

  /** At half the time within which the manager wants to hear something. */
  async #answerWatchdog(): Promise<void> {
    const { environment, clock, pid } = this.#settings;
    const interval = Number(environment['WATCHDOG_USEC']) / 1000;
    const wanted = environment['WATCHDOG_PID'];
    if (!(interval > 0) || (wanted !== undefined && wanted !== String(pid))) return;
    const { signal } = this.#ended;
    while (!signal.aborted) {
      await this.#tell('WATCHDOG=1');
      await clock.sleep(interval / 2, { signal }).catch(() => undefined);
    }
  }
}
