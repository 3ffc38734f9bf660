import type { Worker } from 'node:worker_threads';

import { AppError } from '../../../base/errors.ts';
import { Semaphore } from '../../../base/semaphore.ts';
import { moduleFile } from '../../../base/program-files.ts';
import { startThread } from '../../../base/worker-thread.ts';
import type {
  CheckRequest,
  CheckWorkerSetup,
  FromCheckWorker,
  PackExamination,
} from './check-messages.ts';

interface Waiting {
  resolve(examination: PackExamination): void;
  reject(error: unknown): void;
}

interface Slot {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
}

/** Packs in memory besides the one that each thread works on: they wait or are being read. */
const PACKS_AHEAD = 1;

/** The threads that examine packs. */
export class CheckWorkers implements AsyncDisposable {
  readonly #slots: Slot[];
  readonly #memory: Semaphore;
  #nextTask = 1;
  #failure: Error | undefined;
  #closing = false;

  constructor(count: number, setup: CheckWorkerSetup) {
    this.#memory = new Semaphore(count + PACKS_AHEAD);
    this.#slots = Array.from({ length: count }, () => {
      const worker = startThread(moduleFile('repository/native/worker/check-worker'), {
        workerData: setup,
        name: 'check',
      });
      const slot: Slot = { worker, waiting: new Map() };
      worker.on('message', (message: FromCheckWorker) => this.#receive(slot, message));
      worker.on('error', (error) => this.#fail(error));
      worker.on('exit', () => {
        if (!this.#closing) this.#fail(new AppError('internal', 'A worker thread ended early'));
      });
      return slot;
    });
  }

  /** How many packs may be in memory at once. */
  get limit(): number {
    return this.#slots.length + PACKS_AHEAD;
  }

  /** Examines one pack; `read` gets its bytes, which are then handed over, when there is room for them. */
  async examine(
    name: string,
    read: () => Promise<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<PackExamination> {
    using _room = await this.#memory.acquire({ signal });
    const answer = await read();
    if (this.#failure !== undefined) throw this.#failure;
    const isWhole = answer.byteLength === answer.buffer.byteLength;
    const bytes =
      isWhole && answer.buffer instanceof ArrayBuffer
        ? new Uint8Array(answer.buffer)
        : new Uint8Array(answer);
    let slot = this.#slots[0]!;
    for (const other of this.#slots) if (other.waiting.size < slot.waiting.size) slot = other;
    const task = this.#nextTask++;
    return await new Promise((resolve, reject) => {
      slot.waiting.set(task, { resolve, reject });
      slot.worker.postMessage({ task, name, bytes } satisfies CheckRequest, [bytes.buffer]);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#slots.map(({ worker }) => worker.terminate()));
  }

  #receive({ waiting }: Slot, message: FromCheckWorker): void {
    const asked = waiting.get(message.task);
    waiting.delete(message.task);
    if ('examination' in message) asked?.resolve(message.examination);
    else {
      asked?.reject(
        new AppError('internal', 'A pack could not be examined', {
          cause: new Error(message.failure),
        }),
      );
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    for (const { waiting } of this.#slots) {
      for (const asked of waiting.values()) asked.reject(this.#failure);
      waiting.clear();
    }
  }
}
