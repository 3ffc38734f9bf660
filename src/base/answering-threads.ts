import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';

import { AppError } from './errors.ts';
import { startThread, type ThreadOptions } from './worker-thread.ts';

/** One of them. */
export interface AnsweringThread<Answer> {
  readonly worker: Worker;
  /** Who waits for its answers, the longest first. Whoever listens to the thread takes them out. */
  readonly waiting: Waiting<Answer>[];
}

interface Waiting<Answer> {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/** What those that ask hear of threads that fail. */
export interface ThreadFailures {
  /** Said of a thread that ended before it was told to. */
  readonly endedEarly: string;
  /** What becomes of an error that a thread ended by; without it, it stays as it is. */
  readonly endedBy?: (cause: Error) => Error;
  /** Called at every failure. */
  readonly onFailure?: () => void;
}

/**
 * Threads that answer what they are asked, each in the order in which it was asked. The first failure of one is the failure of all that is asked of any, now and later.
 */
export class AnsweringThreads<Question, Answer> {
  readonly #all: AnsweringThread<Answer>[] = [];
  readonly #failures: ThreadFailures;
  #failure: Error | undefined;
  #isEnding = false;

  constructor(failures: ThreadFailures) {
    this.#failures = failures;
  }

  /** Those that were started. */
  get all(): readonly AnsweringThread<Answer>[] {
    return this.#all;
  }

  /** The first one. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Starts another one. Its messages are left to the caller. */
  start(script: URL, options: ThreadOptions): AnsweringThread<Answer> {
    const { endedEarly, endedBy = (cause) => cause } = this.#failures;
    const worker = startThread(script, options);
    worker.on('error', (error: unknown) => {
      this.fail(endedBy(error instanceof Error ? error : new Error(String(error))));
    });
    worker.on('exit', () => {
      if (!this.#isEnding) this.fail(new AppError('internal', endedEarly));
    });
    const thread: AnsweringThread<Answer> = { worker, waiting: [] };
    this.#all.push(thread);
    return thread;
  }

  /** The thread of which the fewest answers are waited for; one must have been started. */
  freest(): AnsweringThread<Answer> {
    return this.#all.reduce((best, other) =>
      other.waiting.length < best.waiting.length ? other : best,
    );
  }

  /** Asks a thread. What is in `transfer` is handed over. */
  ask(
    thread: AnsweringThread<Answer>,
    question: Question,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<Answer> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      thread.worker.postMessage(question, transfer);
      thread.waiting.push({ resolve, reject });
    });
  }

  /** Asks all that were started. */
  askAll(question: Question): Promise<Answer[]> {
    return Promise.all(this.#all.map((thread) => this.ask(thread, question)));
  }

  /** Makes an error the failure of all, if there was none. */
  fail(error: Error): void {
    this.#failure ??= error;
    for (const { waiting } of this.#all) {
      for (const one of waiting.splice(0)) one.reject(this.#failure);
    }
    this.#failures.onFailure?.();
  }

  /** Ends them at once, whatever they are at. Nobody is answered any more. */
  async terminate(): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#all.map(({ worker }) => worker.terminate()));
  }

  /** Ends them by a last message, once they have answered what they were asked before. */
  async close(message: Question): Promise<void> {
    this.#isEnding = true;
    const ended = this.#all.map(async ({ worker }) => {
      // It has ended already.
      if (worker.threadId === -1) return;
      const exit = once(worker, 'exit');
      worker.postMessage(message);
      await exit;
    });
    await Promise.all(ended);
  }
}
