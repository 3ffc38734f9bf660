import type { Worker } from 'node:worker_threads';

import type { CallOptions } from '../../../../base/call-options.ts';
import { AppError } from '../../../../base/errors.ts';
import { moduleFile } from '../../../../base/program-files.ts';
import { startThread } from '../../../../base/worker-thread.ts';
import { threadErrorOf } from '../../../../base/thread-failure.ts';
import type { DecodeTask, FromDecodeWorker, ToDecodeWorker } from './decode-messages.ts';

/** A volume whose pieces come. */
interface Waiting {
  readonly pieces: Uint8Array<ArrayBuffer>[];
  isOver: boolean;
  failure: Error | undefined;
  wake: (() => void) | undefined;
}

/** One thread that decodes volumes, started when the first one comes. It must be ended before the file that volumes lie in is closed. */
export class DecodeThread implements AsyncDisposable {
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #lastVolume = 0;
  #failure: Error | undefined;
  #isClosing = false;

  /** How many volumes it is decoding. */
  get active(): number {
    return this.#waiting.size;
  }

  /** Starts it before the first volume is whole, so that nobody waits for it then. */
  prepare(): void {
    if (this.#isClosing) return;
    this.#worker ??= this.#start();
  }

  /**
   * What a volume holds. Its place must stay as it is until this has ended. With `takesBack` a piece is gone when the next one is asked for: its memory is used again, and all views of it
   * become empty.
   *
   * @throws AppError as `FileCoding.decode` does; `repository/unsupported`, before anything is given, also for what only gpg can read
   */
  async *decode(
    task: DecodeTask,
    { signal, takesBack = false }: CallOptions & { readonly takesBack?: boolean },
  ): AsyncGenerator<Uint8Array, void, undefined> {
    signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
    const volume = ++this.#lastVolume;
    const waiting: Waiting = { pieces: [], isOver: false, failure: undefined, wake: undefined };
    this.#waiting.set(volume, waiting);
    const wake = (): void => waiting.wake?.();
    signal?.addEventListener('abort', wake);
    try {
      this.#send({ volume, task });
      for (;;) {
        signal?.throwIfAborted();
        const piece = waiting.pieces.shift();
        if (piece !== undefined) {
          if (!takesBack && !waiting.isOver) this.#send({ volume, used: true });
          yield piece;
          if (takesBack) this.#takeBack(volume, piece);
          continue;
        }
        if (waiting.failure !== undefined) throw waiting.failure;
        if (waiting.isOver) return;
        await new Promise<void>((resolve) => (waiting.wake = resolve));
      }
    } finally {
      signal?.removeEventListener('abort', wake);
      this.#waiting.delete(volume);
      if (!waiting.isOver) this.#send({ volume, close: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    await this.#worker?.terminate();
  }

  #takeBack(volume: number, { buffer }: Uint8Array<ArrayBuffer>): void {
    this.#send({ volume, used: true, memory: buffer }, [buffer]);
  }

  #send(message: ToDecodeWorker, transfer: ArrayBuffer[] = []): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(message, transfer);
  }

  #start(): Worker {
    const worker = startThread(moduleFile('repository/duplicity/reader/worker/decode-worker'), {
      name: 'decode',
      // It opens nothing itself.
      trackUnmanagedFds: false,
    });
    worker.on('message', (message: FromDecodeWorker) => this.#receive(message));
    worker.on('error', (cause) => {
      this.#fail(new AppError('internal', 'The thread that decodes volumes failed', { cause }));
    });
    worker.on('exit', () => {
      if (this.#isClosing) return;
      this.#fail(new AppError('internal', 'The thread that decodes volumes ended early'));
    });
    return worker;
  }

  #receive(message: FromDecodeWorker): void {
    const waiting = this.#waiting.get(message.volume);
    if (waiting === undefined) return;
    if ('piece' in message) waiting.pieces.push(message.piece);
    else {
      waiting.isOver = true;
      if ('failure' in message) {
        waiting.failure = threadErrorOf(message.failure);
      }
    }
    waiting.wake?.();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const waiting of this.#waiting.values()) {
      waiting.isOver = true;
      waiting.failure ??= this.#failure;
      waiting.wake?.();
    }
  }
}
