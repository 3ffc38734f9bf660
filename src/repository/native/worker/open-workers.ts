import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';

import { AppError } from '../../../base/errors.ts';
import { moduleFile } from '../../../base/program-files.ts';
import { startThread } from '../../../base/worker-thread.ts';
import type {
  FromOpenWorker,
  OpenResult,
  OpenTask,
  OpenWorkerSetup,
  ToOpenWorker,
} from './open-messages.ts';

interface Waiting {
  resolve(result: OpenResult): void;
  reject(error: unknown): void;
}

interface Slot {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
}

/** The threads that open segments. A failure of one is the failure of all that is asked of any. */
export class OpenWorkers implements AsyncDisposable {
  readonly #slots: Slot[];
  #nextTask = 1;
  #failure: Error | undefined;
  #closing = false;
  readonly #onTold: (value: unknown) => void;

  /** `onTold` gets what sinks say while they work. */
  constructor(
    count: number,
    setup: OpenWorkerSetup,
    onTold: (value: unknown) => void = () => undefined,
  ) {
    this.#onTold = onTold;
    this.#slots = Array.from({ length: count }, () => {
      const worker = startThread(moduleFile('repository/native/worker/open-worker'), {
        workerData: setup,
        name: 'open',
        // Sinks open files by system calls that Node does not see, and close them themselves.
        trackUnmanagedFds: false,
      });
      const slot: Slot = { worker, waiting: new Map() };
      worker.on('message', (message: FromOpenWorker) => this.#receive(slot, message));
      worker.on('error', (error) => this.#fail(error));
      worker.on('exit', () => {
        if (!this.#closing) this.#fail(new AppError('internal', 'A worker thread ended early'));
      });
      return slot;
    });
  }

  get count(): number {
    return this.#slots.length;
  }

  /** Gives a task to the worker with the fewest. Its memory goes with it. */
  run(work: OpenTask): Promise<OpenResult> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const slot = this.#slots.reduce((best, other) =>
      other.waiting.size < best.waiting.size ? other : best,
    );
    const bytes = ownMemory(work.bytes);
    return this.#give(slot, (task) => ({ task, work: { ...work, bytes } }), [bytes.buffer]);
  }

  /** Lets every sink finish what it keeps; what they say of it was told when this resolves. */
  async flush(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await Promise.all(
      this.#slots.map((slot) => this.#give(slot, (task) => ({ task, flush: true }))),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    const ended = this.#slots.map(async ({ worker }) => {
      if (worker.threadId === -1) return;
      const exit = once(worker, 'exit');
      // Not terminated: its sink has files open.
      worker.postMessage({ close: true } satisfies ToOpenWorker);
      await exit;
    });
    await Promise.all(ended);
  }

  #give(
    slot: Slot,
    messageOf: (task: number) => ToOpenWorker,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<OpenResult> {
    const task = this.#nextTask++;
    return new Promise((resolve, reject) => {
      slot.waiting.set(task, { resolve, reject });
      slot.worker.postMessage(messageOf(task), transfer);
    });
  }

  #receive(slot: Slot, message: FromOpenWorker): void {
    if ('told' in message) {
      this.#onTold(message.told);
      return;
    }
    if ('failure' in message) {
      const { code, message: text, hint } = message.failure;
      const cause = new Error(message.stack);
      this.#fail(new AppError(code, text, hint === '' ? { cause } : { cause, hint }));
      return;
    }
    const waiting = slot.waiting.get(message.task);
    slot.waiting.delete(message.task);
    waiting?.resolve(message.result);
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    for (const slot of this.#slots) {
      for (const waiting of slot.waiting.values()) waiting.reject(this.#failure);
      slot.waiting.clear();
    }
  }
}

/** The same bytes in a buffer that holds nothing else, which can be given away. */
function ownMemory(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  const isWhole = bytes.byteOffset === 0 && bytes.byteLength === buffer.byteLength;
  return isWhole && buffer instanceof ArrayBuffer
    ? (bytes as Uint8Array<ArrayBuffer>)
    : new Uint8Array(bytes);
}
