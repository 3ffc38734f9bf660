import type { Worker } from 'node:worker_threads';

import { AppError } from '../../../base/errors.ts';
import { moduleFile } from '../../../base/program-files.ts';
import { startThread } from '../../../base/worker-thread.ts';
import type { FinishedPack } from '../packs/pack-builder.ts';
import { allocatePackStates, releasePack } from './pack-memory.ts';
import type {
  FromStoreWorker,
  StoreResult,
  StoreTask,
  StoreWorkerSetup,
  ToStoreWorker,
} from './messages.ts';

interface Waiting {
  resolve(result: StoreResult): void;
  reject(error: unknown): void;
}

interface Slot {
  readonly worker: Worker;
  readonly packStates: SharedArrayBuffer;
  readonly waiting: Map<number, Waiting>;
}

/** A finished pack, with the way to give its memory back to the worker that made it. */
export interface DeliveredPack {
  readonly pack: FinishedPack;
  readonly release: () => void;
}

/**
 * The threads that store content. Each has at most two tasks: one to work on and one that waits, so that a thread never idles and little is in flight.
 */
export class StoreWorkers implements AsyncDisposable {
  readonly count: number;
  readonly #start: () => Slot;
  readonly #slots: Slot[] = [];
  readonly #onPack: (pack: DeliveredPack) => void;
  readonly #idle: (() => void)[] = [];
  #nextTask = 1;
  #failure: Error | undefined;
  #closing = false;
  /** Raw bytes of blobs that were stored. */
  rawAdded = 0;

  constructor(
    count: number,
    setup: Omit<StoreWorkerSetup, 'packStates'>,
    onPack: (pack: DeliveredPack) => void,
  ) {
    this.#onPack = onPack;
    this.count = count;
    this.#start = () => {
      const packStates = allocatePackStates();
      const worker = startThread(moduleFile('repository/native/worker/store-worker'), {
        workerData: { ...setup, packStates } satisfies StoreWorkerSetup,
        name: 'store',
        // Files are opened and closed by system calls that Node does not see.
        trackUnmanagedFds: false,
      });
      const slot: Slot = { worker, packStates, waiting: new Map() };
      worker.on('message', (message: FromStoreWorker) => this.#receive(slot, message));
      worker.on('error', (error) => this.#fail(error));
      worker.on('exit', () => {
        if (!this.#closing) this.#fail(new AppError('internal', 'A worker thread ended early'));
      });
      return slot;
    };
  }

  /** Resolves when some worker can take another task. */
  async ready(): Promise<void> {
    while (this.#least().waiting.size >= 2) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Gives a task to the worker with the fewest. */
  run(work: StoreTask, transfer: readonly ArrayBuffer[] = []): Promise<StoreResult> {
    return this.#give(this.#least(), work, transfer);
  }

  /** Lets every worker finish the pack it is building; all packs were delivered when this resolves. */
  async flush(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => this.#give(slot, { type: 'flush' })));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#slots.map((slot) => slot.worker.terminate()));
  }

  /** The worker with the fewest tasks. They are started when there is something to do: often nothing has changed. */
  #least(): Slot {
    while (this.#slots.length < this.count) this.#slots.push(this.#start());
    let best = this.#slots[0]!;
    for (const slot of this.#slots) if (slot.waiting.size < best.waiting.size) best = slot;
    return best;
  }

  #give(slot: Slot, work: StoreTask, transfer: readonly ArrayBuffer[] = []): Promise<StoreResult> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const task = this.#nextTask++;
    return new Promise((resolve, reject) => {
      slot.waiting.set(task, { resolve, reject });
      slot.worker.postMessage({ task, work } satisfies ToStoreWorker, transfer);
    });
  }

  #receive(slot: Slot, message: FromStoreWorker): void {
    if ('pack' in message) {
      const release = (): void => releasePack(slot.packStates, message.slot);
      this.#onPack({ pack: message.pack, release });
      return;
    }
    if ('failure' in message) {
      const { code, message: text } = message.failure;
      this.#fail(new AppError(code, text, { cause: new Error(message.stack) }));
      return;
    }
    this.rawAdded += message.rawAdded;
    const waiting = slot.waiting.get(message.task);
    slot.waiting.delete(message.task);
    waiting?.resolve(message.result);
    this.#wake();
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    for (const slot of this.#slots) {
      for (const waiting of slot.waiting.values()) waiting.reject(this.#failure);
      slot.waiting.clear();
    }
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
