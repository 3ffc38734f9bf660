import { AppError, hasCode, type ErrorCode } from '../../base/errors.ts';
import { decodeEntry } from '../../repository/native/content/tree.ts';
import type { BlobSink } from '../../repository/native/worker/blob-sink.ts';
import { FileRestorer, isFatal, type FileRestorerOptions } from './file-restorer.ts';
import { decodeSteps, type FileStep } from './file-script.ts';

/** An error as it can be posted between threads. */
export interface PostedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
}

/** A problem as it can be posted between threads. */
export interface PostedProblem extends PostedError {
  readonly path: Uint8Array;
}

/** Files that are written whole, one behind the other. */
export interface WholeFiles {
  /** What is to be made of them, as `encodeSteps` writes it. */
  readonly script: Uint8Array;
  /** How many bytes each of them has. */
  readonly lengths: readonly number[];
  readonly content: Uint8Array<ArrayBuffer>;
}

/** How the steps of a task went. */
export interface FileAnswer {
  /** Bytes that were written to the target. */
  readonly written: number;
  /** Steps whose file could not be written, and why. */
  readonly failed: readonly (PostedError & { readonly step: number })[];
  /** Metadata that could not be restored. */
  readonly problems: readonly PostedProblem[];
  readonly ownersNotRestored: number;
}

/** Loaded by the workers that open segments (`BlobSinkModule`). */
export function openSink(setup: unknown): BlobSink {
  return new FileSink(setup as FileRestorerOptions);
}

class FileSink implements BlobSink {
  readonly #files: FileRestorer;
  #steps: readonly FileStep[] = [];
  #failed: FileAnswer['failed'][number][] = [];

  constructor(options: FileRestorerOptions) {
    this.#files = new FileRestorer(options);
  }

  [Symbol.dispose](): void {
    this.#files[Symbol.dispose]();
  }

  begin(payload: Uint8Array): void {
    this.#steps = decodeSteps(payload);
    this.#failed = [];
  }

  take(use: number, bytes: Uint8Array): void {
    const step = this.#steps[use];
    if (step === undefined) throw new AppError('internal', 'A blob came for no file');
    try {
      performStep(this.#files, step, bytes);
    } catch (error) {
      if (!hasCode(error, 'target/refused', 'target/unwritable') || isFatal(error)) throw error;
      this.#failed.push({ step: use, ...posted(error) });
    }
  }

  end(): FileAnswer {
    return { failed: this.#failed, ...takeOutcome(this.#files) };
  }
}

/** Writes whole files, until `isStopped` says that the rest is to be left out. @throws AppError what leaves no hope for more */
export function putFiles(
  sink: BlobSink,
  { script, lengths, content }: WholeFiles,
  isStopped: () => boolean,
): FileAnswer {
  sink.begin(script);
  let begin = 0;
  for (const [step, length] of lengths.entries()) {
    if (isStopped()) break;
    sink.take(step, content.subarray(begin, begin + length));
    begin += length;
  }
  return sink.end() as FileAnswer;
}

/** Writes what one blob is for. @throws AppError `target/…` */
export function performStep(files: FileRestorer, step: FileStep, bytes: Uint8Array): void {
  if (step.kind === 'whole') {
    files.putWhole(step.directory, decodeEntry(step.entry), step.update, bytes);
  } else {
    files.putPart(step.directory, step.name, step.update, step.position, bytes);
  }
}

/** What a restorer has done since this was asked last. */
export function takeOutcome(files: FileRestorer): Omit<FileAnswer, 'failed'> {
  const { metadata, written } = files;
  const problems = metadata.problems
    .splice(0)
    .map(({ path, error }) => ({ path, ...posted(error) }));
  const { ownersNotRestored } = metadata;
  metadata.ownersNotRestored = 0;
  files.written = 0;
  return { written, problems, ownersNotRestored };
}

/** What another thread has told of. */
export function errorOf({ code, message, hint }: PostedError): AppError {
  return new AppError(code, message, hint === undefined ? {} : { hint });
}

function posted({ code, message, hint }: AppError): PostedError {
  return { code, message, hint };
}
