import type { Worker } from 'node:worker_threads';

import { AppError, messageOf } from '../../base/errors.ts';
import { moduleFile } from '../../base/program-files.ts';
import { startThread } from '../../base/worker-thread.ts';
import type { FromDeflateWorker, ToDeflateWorker } from './deflate-messages.ts';

/** A thread, and who waits for its answers. */
interface Thread {
  readonly worker: Worker;
  readonly waiting: PromiseWithResolvers<FromDeflateWorker>[];
}

/** Threads that compress blocks. They are started when the first block comes; the program may end while they have nothing to do. */
export class DeflateThreads {
  readonly #count: number;
  readonly #threads: Thread[] = [];
  #failure: AppError | undefined;

  constructor(count: number) {
    this.#count = count;
  }

  /** Has a block compressed by the thread that has the least to do. */
  compress(block: ToDeflateWorker): Promise<FromDeflateWorker> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    while (this.#threads.length < this.#count) this.#threads.push(this.#start());
    const thread = this.#threads.reduce((best, other) =>
      other.waiting.length < best.waiting.length ? other : best,
    );
    if (thread.waiting.length === 0) thread.worker.ref();
    const answer = Promise.withResolvers<FromDeflateWorker>();
    thread.waiting.push(answer);
    thread.worker.postMessage(block);
    return answer.promise;
  }

  #start(): Thread {
    const worker = startThread(moduleFile('codec/compression/deflate-worker'), {
      name: 'deflate',
      // It opens nothing itself.
      trackUnmanagedFds: false,
    });
    const thread: Thread = { worker, waiting: [] };
    worker.on('message', (result: FromDeflateWorker) => {
      thread.waiting.shift()?.resolve(result);
      if (thread.waiting.length === 0) worker.unref();
    });
    worker.on('error', (cause) => {
      this.#fail(new AppError('internal', `Compressing failed: ${messageOf(cause)}`, { cause }));
    });
    worker.on('exit', () => {
      this.#fail(new AppError('internal', 'A thread that compresses ended early'));
    });
    // Not before: whoever listens for messages is taken to wait for them.
    worker.unref();
    return thread;
  }

  #fail(error: AppError): void {
    this.#failure ??= error;
    for (const { waiting } of this.#threads) {
      for (const answer of waiting.splice(0)) answer.reject(this.#failure);
    }
  }
}
