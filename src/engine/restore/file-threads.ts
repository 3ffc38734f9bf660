import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';

import { AppError } from '../../base/errors.ts';
import { moduleFile } from '../../base/program-files.ts';
import { startThread } from '../../base/worker-thread.ts';
import type { FileThreadSetup, FromFileThread, ToFileThread } from './file-messages.ts';
import type { FileRestorerOptions } from './file-restorer.ts';
import type { FileAnswer, WholeFiles } from './file-sink.ts';

/** How files were written, and the memory that their content was in. */
export interface FilesWritten {
  readonly answer: FileAnswer;
  readonly content: Uint8Array<ArrayBuffer>;
}

interface Waiting {
  resolve(written: FilesWritten): void;
  reject(error: unknown): void;
}

interface Slot {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
}

/** Threads that make files and write them. They start when there is something to do. A failure of one is the failure of all that is asked of any. */
export class FileThreads implements AsyncDisposable {
  readonly #setup: FileThreadSetup;
  readonly #count: number;
  readonly #slots: Slot[] = [];
  #lastNumber = 0;
  #failure: Error | undefined;
  #isClosing = false;

  constructor(count: number, options: FileRestorerOptions) {
    this.#count = count;
    this.#setup = { options, stop: new Int32Array(new SharedArrayBuffer(4)) };
  }

  /** Whether one was started. */
  get areRunning(): boolean {
    return this.#slots.length > 0;
  }

  /**
   * Has files written. The memory of their content is handed over, and comes back.
   *
   * @throws AppError `target/unwritable` for what leaves no hope for more
   */
  run(files: WholeFiles): Promise<FilesWritten> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const number = ++this.#lastNumber;
    const slot = this.#slotFor();
    return new Promise((resolve, reject) => {
      slot.waiting.set(number, { resolve, reject });
      slot.worker.postMessage({ number, files } satisfies ToFileThread, [files.content.buffer]);
    });
  }

  /** Has what is not written yet left out. */
  stop(): void {
    Atomics.store(this.#setup.stop, 0, 1);
  }

  /** Ends the threads once the file that each is at is written. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    this.stop();
    const ended = this.#slots.map(async ({ worker }) => {
      if (worker.threadId === -1) return;
      const exit = once(worker, 'exit');
      // Not terminated: it has files open.
      worker.postMessage({ close: true } satisfies ToFileThread);
      await exit;
    });
    await Promise.all(ended);
  }

  /** The thread with the fewest tasks; another one is only started when all have some. */
  #slotFor(): Slot {
    const [first, ...others] = this.#slots;
    if (first === undefined) return this.#start();
    const best = others.reduce(
      (found, other) => (other.waiting.size < found.waiting.size ? other : found),
      first,
    );
    return best.waiting.size > 0 && this.#slots.length < this.#count ? this.#start() : best;
  }

  #start(): Slot {
    const worker = startThread(moduleFile('engine/restore/file-worker'), {
      workerData: this.#setup,
      name: 'write',
      // Files are opened by system calls that Node does not see, and closed again.
      trackUnmanagedFds: false,
    });
    const slot: Slot = { worker, waiting: new Map() };
    this.#slots.push(slot);
    worker.on('message', (message: FromFileThread) => this.#receive(slot, message));
    worker.on('error', (cause) => {
      this.#fail(new AppError('internal', 'A thread that writes files failed', { cause }));
    });
    worker.on('exit', () => {
      if (this.#isClosing) return;
      this.#fail(new AppError('internal', 'A thread that writes files ended early'));
    });
    return slot;
  }

  #receive(slot: Slot, message: FromFileThread): void {
    if ('failure' in message) {
      const { code, message: text, hint } = message.failure;
      const cause = new Error(message.stack);
      this.#fail(new AppError(code, text, hint === undefined ? { cause } : { cause, hint }));
      return;
    }
    const waiting = slot.waiting.get(message.number);
    slot.waiting.delete(message.number);
    waiting?.resolve(message);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.stop();
    for (const { waiting } of this.#slots) {
      for (const one of waiting.values()) one.reject(this.#failure);
      waiting.clear();
    }
  }
}
