import { AnsweringThreads, type AnsweringThread } from '../../../base/answering-threads.ts';
import { moduleFile } from '../../../base/program-files.ts';
import { threadErrorOf } from '../../../base/thread-failure.ts';
import type { FinishedPack } from '../packs/pack-builder.ts';
import { allocatePackStates, releasePack } from './pack-memory.ts';
import type { FromStoreWorker, StoreResult, StoreTask, StoreWorkerSetup } from './messages.ts';

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
  readonly #setup: Omit<StoreWorkerSetup, 'packStates'>;
  readonly #onPack: (pack: DeliveredPack) => void;
  readonly #threads = new AnsweringThreads<StoreTask, StoreResult>({
    endedEarly: 'A worker thread ended early',
    onFailure: () => this.#wake(),
  });
  readonly #idle: (() => void)[] = [];
  /** Raw bytes of blobs that were stored. */
  rawAdded = 0;

  constructor(
    count: number,
    setup: Omit<StoreWorkerSetup, 'packStates'>,
    onPack: (pack: DeliveredPack) => void,
  ) {
    this.count = count;
    this.#setup = setup;
    this.#onPack = onPack;
  }

  /** Resolves when some worker can take another task. */
  async ready(): Promise<void> {
    while (this.#threads.failure === undefined && this.#least().waiting.length >= 2) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
    if (this.#threads.failure !== undefined) throw this.#threads.failure;
  }

  /** Gives a task to the worker with the fewest. */
  run(work: StoreTask, transfer: readonly ArrayBuffer[] = []): Promise<StoreResult> {
    return this.#threads.ask(this.#least(), work, transfer);
  }

  /** Lets every worker finish the pack it is building; all packs were delivered when this resolves. */
  async flush(): Promise<void> {
    await this.#threads.askAll({ type: 'flush' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#threads.terminate();
  }

  /** The worker with the fewest tasks. They are started when there is something to do: often nothing has changed. */
  #least(): AnsweringThread<StoreResult> {
    while (this.#threads.all.length < this.count) this.#start();
    return this.#threads.freest();
  }

  #start(): void {
    const packStates = allocatePackStates();
    const thread = this.#threads.start(moduleFile('repository/native/worker/store-worker'), {
      workerData: { ...this.#setup, packStates } satisfies StoreWorkerSetup,
      name: 'store',
      // Files are opened and closed by system calls that Node does not see.
      trackUnmanagedFds: false,
    });
    thread.worker.on('message', (message: FromStoreWorker) => {
      if ('pack' in message) {
        const release = (): void => releasePack(packStates, message.slot);
        this.#onPack({ pack: message.pack, release });
      } else if ('failure' in message) {
        this.#threads.fail(threadErrorOf(message.failure));
      } else {
        this.rawAdded += message.rawAdded;
        thread.waiting.shift()?.resolve(message.result);
        this.#wake();
      }
    });
  }

  #wake(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
