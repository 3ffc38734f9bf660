import type { AppError } from '../../base/errors.ts';
import type { Entry } from '../../model/entry.ts';
import { encodeEntry } from '../../repository/native/content/tree.ts';
import type { MetadataOptions } from '../../target/filesystem/target-metadata.ts';
import type { TargetTree } from '../../target/filesystem/target-tree.ts';
import type { FileRestorerOptions } from '../restore/file-restorer.ts';
import { encodeSteps, type FileStep } from '../restore/file-script.ts';
import {
  errorOf,
  openSink,
  putFiles,
  type FileAnswer,
  type WholeFiles,
} from '../restore/file-sink.ts';
import { FileThreads } from '../restore/file-threads.ts';
import type { RestoreTally } from '../restore/restore-tally.ts';

/** Bytes of the files that are written together; longer ones are not taken. */
const ROOM = 1024 * 1024;
/** As many files, and calls after them, may be in one batch. */
const MOST_FILES = 256;
const MOST_CALLS = 4096;
const LARGEST_ID = 0xffff_ffff;
/** Seconds that can be passed on lie below it. */
const FARTHEST = 2 ** 52;

export interface FileQueueOptions extends MetadataOptions {
  /** How many threads write at most. */
  readonly threads: number;
  readonly signal: AbortSignal;
}

/** Called when a file is written, or with why it could not be. */
export type FileEnd = (error: AppError | undefined) => void;

interface Batch {
  /** Handed to a thread and back. */
  content: Uint8Array<ArrayBuffer>;
  readonly steps: FileStep[];
  readonly lengths: number[];
  readonly ends: FileEnd[];
  /** What is to happen when its files and all before are written. */
  readonly calls: (() => void)[];
  filled: number;
  answer: FileAnswer | undefined;
}

/**
 * New files that are written by other threads, many at a time, while the next ones are read. What comes of them is told in the order in which they came, and calls that have to wait for them are made
 * in that order, too. If there are few they are written here.
 */
export class FileQueue implements AsyncDisposable {
  readonly #tally: RestoreTally;
  readonly #files: FileRestorerOptions;
  readonly #signal: AbortSignal;
  readonly #threads: FileThreads;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  readonly #mostBatches: number;
  #batches = 0;
  /** Those that threads have, the oldest first. */
  readonly #sent: Batch[] = [];
  #current: Batch | undefined;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;
  readonly #onAbort = (): void => this.#fail(this.#signal.reason);

  constructor(
    tree: TargetTree,
    tally: RestoreTally,
    { threads, signal, ...metadata }: FileQueueOptions,
  ) {
    this.#tally = tally;
    this.#signal = signal;
    this.#files = {
      // By its handle, so that all threads write to the same directory whatever its name means by then.
      root: Buffer.from(`/proc/self/fd/${tree.root}`),
      verify: false,
      mark: false,
      removesUnfinished: true,
      ...metadata,
    };
    this.#threads = new FileThreads(threads, this.#files);
    // One that is being filled, and for each thread one that it has and one that it has next.
    this.#mostBatches = 2 * threads + 1;
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Whether a new file of this length is one for the queue: short, and nothing of it is such as cannot be passed on. */
  takes({ type, mode, uid, gid, mtime }: Entry, size: number): boolean {
    return (
      type === 'file' &&
      size <= ROOM &&
      (mode & ~0o7777) === 0 &&
      Math.min(uid, gid) >= 0 &&
      Math.max(uid, gid) <= LARGEST_ID &&
      Math.abs(mtime.seconds) < FARTHEST
    );
  }

  /**
   * Memory for the content of the next file. It is added before room is asked for again, or forgotten.
   *
   * @throws AppError `target/unwritable` if nothing can be written any more
   */
  async room(size: number): Promise<Uint8Array> {
    this.#throwFailure();
    if (this.#current !== undefined && this.#current.filled + size > ROOM) this.#send();
    while (this.#current === undefined) {
      this.#current = this.#begin();
      if (this.#current !== undefined) break;
      await this.#change();
      this.#throwFailure();
    }
    const { content, filled } = this.#current;
    return content.subarray(filled, filled + size);
  }

  /** Has a file made whose content is where `room` said. `directory`: the same array for all that come one after the other and lie in it. */
  add(directory: Uint8Array, entry: Entry, size: number, end: FileEnd): void {
    const batch = this.#current!;
    const rest = { size, content: undefined, tree: undefined, hardLink: undefined, torn: false };
    const encoded = encodeEntry({ ...entry, ...rest });
    batch.steps.push({ kind: 'whole', update: false, directory, entry: encoded });
    batch.lengths.push(size);
    batch.ends.push(end);
    batch.filled += size;
    if (batch.steps.length >= MOST_FILES) this.#send();
  }

  /** Calls when all files so far are written: now if they are. */
  after(call: () => void): void {
    const batch = this.#current ?? this.#sent.at(-1);
    if (batch === undefined) {
      call();
      return;
    }
    batch.calls.push(call);
    if (batch === this.#current && batch.calls.length >= MOST_CALLS) this.#send();
  }

  /**
   * Resolves when all files so far are written and the calls after them were made.
   *
   * @throws AppError `target/unwritable` for what leaves no hope for more; what a call threw
   */
  async drain(): Promise<void> {
    this.#throwFailure();
    if (this.#current !== undefined) {
      if (this.#threads.areRunning) this.#send();
      else this.#writeHere();
    }
    while (this.#sent.length > 0 && this.#failure === undefined) await this.#change();
    this.#throwFailure();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener('abort', this.#onAbort);
    await this.#threads[Symbol.asyncDispose]();
  }

  #begin(): Batch | undefined {
    let content = this.#free.pop();
    if (content === undefined) {
      if (this.#batches === this.#mostBatches) return undefined;
      this.#batches++;
      content = new Uint8Array(ROOM);
    }
    return {
      content,
      steps: [],
      lengths: [],
      ends: [],
      calls: [],
      filled: 0,
      answer: undefined,
    };
  }

  #send(): void {
    const batch = this.#current!;
    this.#current = undefined;
    this.#sent.push(batch);
    this.#threads.run(filesOf(batch)).then(
      ({ answer, content }) => {
        batch.answer = answer;
        batch.content = content;
        this.#settle();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** Writes the batch that was begun, which is the first: a thread would take longer to start. */
  #writeHere(): void {
    const batch = this.#current!;
    this.#current = undefined;
    this.#sent.push(batch);
    using sink = openSink(this.#files);
    try {
      batch.answer = putFiles(sink, filesOf(batch), () => false);
    } catch (error) {
      this.#fail(error);
    }
    this.#settle();
  }

  /** Tells of what is written, as far as all before is. */
  #settle(): void {
    try {
      for (;;) {
        const [batch] = this.#sent;
        if (batch?.answer === undefined || this.#failure !== undefined) break;
        this.#tell(batch, batch.answer);
        // Only now, so that nobody takes what is still to be called for done.
        this.#sent.shift();
        this.#free.push(batch.content);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#wake?.();
  }

  #tell({ ends, calls }: Batch, { failed, ...outcome }: FileAnswer): void {
    const failures = new Map(failed.map((failure) => [failure.step, failure]));
    for (const [step, end] of ends.entries()) {
      const failure = failures.get(step);
      end(failure && errorOf(failure));
    }
    this.#note(outcome);
    for (const call of calls) call();
  }

  #note({ written, problems, ownersNotRestored }: Omit<FileAnswer, 'failed'>): void {
    this.#tally.counters.bytesAdded += written;
    this.#tally.ownersNotRestored += ownersNotRestored;
    for (const problem of problems) this.#tally.problem(problem.path, errorOf(problem));
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#threads.stop();
    this.#wake?.();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}

function filesOf({ steps, lengths, content }: Batch): WholeFiles {
  return { script: encodeSteps(steps), lengths, content };
}
