import type { Worker } from 'node:worker_threads';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { moduleFile } from '../../../base/program-files.ts';
import { untilAborted } from '../../../base/until-aborted.ts';
import { startThread } from '../../../base/worker-thread.ts';
import { threadErrorOf } from '../../../base/thread-failure.ts';
import type { FoundDigests } from './digests.ts';
import type { FilePart } from './file-part.ts';
import type { FromInspectWorker, ToInspectWorker } from './inspect-messages.ts';

/** The last bytes of a task, which asks for its digests. */
type DigestsQuestion = Extract<ToInspectWorker, { readonly rest: Uint8Array }>;

/**
 * One thread that looks at temporary files beside the work that fills them, started when it is first needed. It reads them by the numbers that this process has them open by: what becomes of one
 * that is closed before the answer came is not for anybody to wait for.
 */
export class InspectThread implements AsyncDisposable {
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, PromiseWithResolvers<FromInspectWorker>>();
  #lastTask = 0;
  #failure: Error | undefined;
  #isClosing = false;

  /** The number of a task that is to be told of. */
  newTask(): number {
    return ++this.#lastTask;
  }

  tell(message: ToInspectWorker): void {
    if (this.#isClosing) return;
    this.#worker ??= this.#start();
    this.#worker.postMessage(message);
  }

  /**
   * What came of all that was told of a task.
   *
   * @throws AppError `local/unwritable` if a file cannot be read
   */
  async digests(question: DigestsQuestion, options: CallOptions): Promise<FoundDigests> {
    const answer = await this.#ask(question, options);
    if (!('digests' in answer)) throw new AppError('internal', 'Digests were asked for');
    return answer.digests;
  }

  /**
   * Decrypts a message that was just made, and sees that it is what was encrypted; without looking into what that is.
   *
   * @throws AppError `repository/damaged` if it is not; `local/unwritable` if the file cannot be read
   */
  async checkMessage(
    message: FilePart,
    passphrase: Uint8Array,
    options: CallOptions,
  ): Promise<void> {
    const task = this.newTask();
    try {
      await this.#ask({ task, message, passphrase }, options);
    } finally {
      this.tell({ task, drop: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    this.#fail(new AppError('interrupted', 'What was to be inspected is given up'));
    await this.#worker?.terminate();
  }

  async #ask(question: ToInspectWorker, { signal }: CallOptions): Promise<FromInspectWorker> {
    if (this.#failure !== undefined) throw this.#failure;
    const answer = Promise.withResolvers<FromInspectWorker>();
    this.#waiting.set(question.task, answer);
    this.tell(question);
    try {
      return await untilAborted(answer.promise, signal);
    } finally {
      this.#waiting.delete(question.task);
    }
  }

  #start(): Worker {
    const worker = startThread(moduleFile('repository/duplicity/inspection/inspect-worker'), {
      name: 'inspect',
      // It opens nothing itself.
      trackUnmanagedFds: false,
    });
    worker.on('message', (message: FromInspectWorker) => {
      const answer = this.#waiting.get(message.task);
      if ('failure' in message) answer?.reject(threadErrorOf(message.failure));
      else answer?.resolve(message);
    });
    worker.on('error', (cause) => {
      this.#fail(
        new AppError('internal', 'The thread that inspects temporary files failed', { cause }),
      );
    });
    worker.on('exit', () => {
      this.#fail(new AppError('internal', 'The thread that inspects temporary files ended early'));
    });
    return worker;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
  }
}
