import { AnsweringThreads } from '../../base/answering-threads.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import { moduleFile } from '../../base/program-files.ts';
import type { FromDeflateWorker, ToDeflateWorker } from './deflate-messages.ts';

/** Threads that compress blocks. They are started when the first block comes; the program may end while they have nothing to do. */
export class DeflateThreads {
  readonly #count: number;
  readonly #threads = new AnsweringThreads<ToDeflateWorker, FromDeflateWorker>({
    endedEarly: 'A thread that compresses ended early',
    endedBy: (cause) =>
      new AppError('internal', `Compressing failed: ${messageOf(cause)}`, { cause }),
  });

  constructor(count: number) {
    this.#count = count;
  }

  /** Has a block compressed by the thread that has the least to do. */
  compress(block: ToDeflateWorker): Promise<FromDeflateWorker> {
    while (this.#threads.all.length < this.#count) this.#start();
    const thread = this.#threads.freest();
    const answer = this.#threads.ask(thread, block);
    if (thread.waiting.length === 1) thread.worker.ref();
    return answer;
  }

  #start(): void {
    const thread = this.#threads.start(moduleFile('codec/compression/deflate-worker'), {
      name: 'deflate',
      // It opens nothing itself.
      trackUnmanagedFds: false,
    });
    const { worker, waiting } = thread;
    worker.on('message', (result: FromDeflateWorker) => {
      waiting.shift()?.resolve(result);
      if (waiting.length === 0) worker.unref();
    });
    // Not before: whoever listens for messages is taken to wait for them.
    worker.unref();
  }
}
