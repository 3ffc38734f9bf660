import { AnsweringThreads } from '../../../base/answering-threads.ts';
import { moduleFile } from '../../../base/program-files.ts';
import { threadErrorOf } from '../../../base/thread-failure.ts';
import type {
  FromOpenWorker,
  OpenResult,
  OpenTask,
  OpenWorkerSetup,
  ToOpenWorker,
} from './open-messages.ts';

/** The threads that open segments. A failure of one is the failure of all that is asked of any. */
export class OpenWorkers implements AsyncDisposable {
  readonly #threads = new AnsweringThreads<ToOpenWorker, OpenResult>({
    endedEarly: 'A worker thread ended early',
  });

  /** `onTold` gets what sinks say while they work. */
  constructor(
    count: number,
    setup: OpenWorkerSetup,
    onTold: (value: unknown) => void = () => undefined,
  ) {
    for (let i = 0; i < count; i++) {
      const thread = this.#threads.start(moduleFile('repository/native/worker/open-worker'), {
        workerData: setup,
        name: 'open',
        // Sinks open files by system calls that Node does not see, and close them themselves.
        trackUnmanagedFds: false,
      });
      thread.worker.on('message', (message: FromOpenWorker) => {
        if ('told' in message) onTold(message.told);
        else if ('failure' in message) this.#threads.fail(threadErrorOf(message.failure));
        else thread.waiting.shift()?.resolve(message.result);
      });
    }
  }

  get count(): number {
    return this.#threads.all.length;
  }

  /** Gives a task to the worker with the fewest. Its memory goes with it. */
  run(work: OpenTask): Promise<OpenResult> {
    const bytes = ownMemory(work.bytes);
    return this.#threads.ask(this.#threads.freest(), { work: { ...work, bytes } }, [bytes.buffer]);
  }

  /** Lets every sink finish what it keeps; what they say of it was told when this resolves. */
  async flush(): Promise<void> {
    await this.#threads.askAll({ flush: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Not terminated: sinks have files open.
    await this.#threads.close({ close: true });
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
