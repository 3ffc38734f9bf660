import { AnsweringThreads, type AnsweringThread } from '../../base/answering-threads.ts';
import { AppError } from '../../base/errors.ts';
import { moduleFile } from '../../base/program-files.ts';
import { threadErrorOf } from '../../base/thread-failure.ts';
import type { FileThreadSetup, FromFileThread, ToFileThread } from './file-messages.ts';
import type { FileRestorerOptions } from './file-restorer.ts';
import type { FileAnswer, WholeFiles } from './file-sink.ts';

/** How files were written, and the memory that their content was in. */
export interface FilesWritten {
  readonly answer: FileAnswer;
  readonly content: Uint8Array<ArrayBuffer>;
}

/** Threads that make files and write them. They start when there is something to do. A failure of one is the failure of all that is asked of any. */
export class FileThreads implements AsyncDisposable {
  readonly #setup: FileThreadSetup;
  readonly #count: number;
  readonly #threads = new AnsweringThreads<ToFileThread, FilesWritten>({
    endedEarly: 'A thread that writes files ended early',
    endedBy: (cause) => new AppError('internal', 'A thread that writes files failed', { cause }),
    onFailure: () => this.stop(),
  });

  constructor(count: number, options: FileRestorerOptions) {
    this.#count = count;
    this.#setup = { options, stop: new Int32Array(new SharedArrayBuffer(4)) };
  }

  /** Whether one was started. */
  get areRunning(): boolean {
    return this.#threads.all.length > 0;
  }

  /**
   * Has files written. The memory of their content is handed over, and comes back.
   *
   * @throws AppError `target/unwritable` for what leaves no hope for more
   */
  run(files: WholeFiles): Promise<FilesWritten> {
    return this.#threads.ask(this.#threadFor(), { files }, [files.content.buffer]);
  }

  /** Has what is not written yet left out. */
  stop(): void {
    Atomics.store(this.#setup.stop, 0, 1);
  }

  /** Ends the threads once the file that each is at is written. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    // Not terminated: they have files open.
    await this.#threads.close({ close: true });
  }

  /** The thread with the fewest tasks; another one is only started when all have some. */
  #threadFor(): AnsweringThread<FilesWritten> {
    const { all } = this.#threads;
    const allHaveSome = all.every(({ waiting }) => waiting.length > 0);
    return allHaveSome && all.length < this.#count ? this.#start() : this.#threads.freest();
  }

  #start(): AnsweringThread<FilesWritten> {
    const thread = this.#threads.start(moduleFile('engine/restore/file-worker'), {
      workerData: this.#setup,
      name: 'write',
      // Files are opened by system calls that Node does not see, and closed again.
      trackUnmanagedFds: false,
    });
    thread.worker.on('message', (message: FromFileThread) => {
      if ('failure' in message) this.#threads.fail(threadErrorOf(message.failure));
      else thread.waiting.shift()?.resolve(message);
    });
    return thread;
  }
}
