import { AnsweringThreads } from '../../../base/answering-threads.ts';
import { AppError } from '../../../base/errors.ts';
import { Semaphore } from '../../../base/semaphore.ts';
import { moduleFile } from '../../../base/program-files.ts';
import type {
  CheckRequest,
  CheckWorkerSetup,
  FromCheckWorker,
  PackExamination,
} from './check-messages.ts';

/** Packs in memory besides the one that each thread works on: they wait or are being read. */
const PACKS_AHEAD = 1;

/** The threads that examine packs. */
export class CheckWorkers implements AsyncDisposable {
  readonly #memory: Semaphore;
  readonly #threads = new AnsweringThreads<CheckRequest, PackExamination>({
    endedEarly: 'A worker thread ended early',
  });

  constructor(count: number, setup: CheckWorkerSetup) {
    this.#memory = new Semaphore(count + PACKS_AHEAD);
    for (let i = 0; i < count; i++) {
      const thread = this.#threads.start(moduleFile('repository/native/worker/check-worker'), {
        workerData: setup,
        name: 'check',
      });
      thread.worker.on('message', (message: FromCheckWorker) => {
        const asked = thread.waiting.shift();
        if ('examination' in message) asked?.resolve(message.examination);
        else {
          const cause = new Error(message.failure);
          asked?.reject(new AppError('internal', 'A pack could not be examined', { cause }));
        }
      });
    }
  }

  /** How many packs may be in memory at once. */
  get limit(): number {
    return this.#threads.all.length + PACKS_AHEAD;
  }

  /** Examines one pack; `read` gets its bytes, which are then handed over, when there is room for them. */
  async examine(
    name: string,
    read: () => Promise<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<PackExamination> {
    using _room = await this.#memory.acquire({ signal });
    const answer = await read();
    const isWhole = answer.byteLength === answer.buffer.byteLength;
    const bytes =
      isWhole && answer.buffer instanceof ArrayBuffer
        ? new Uint8Array(answer.buffer)
        : new Uint8Array(answer);
    return await this.#threads.ask(this.#threads.freest(), { name, bytes }, [bytes.buffer]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#threads.terminate();
  }
}
