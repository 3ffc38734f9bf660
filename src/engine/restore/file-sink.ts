import { AppError, hasCode, type ErrorCode } from '../../base/errors.ts';
import { decodeEntry } from '../../repository/native/content/tree.ts';
import type { BlobSink } from '../../repository/native/worker/blob-sink.ts';
import { FileRestorer, isFatal, type FileRestorerOptions } from './file-restorer.ts';
import { decodeSteps, type FileStep } from './file-script.ts';

/** A problem as it can be posted between threads. */
export interface PostedProblem {
  readonly path: Uint8Array;
  readonly code: ErrorCode;
  readonly message: string;
}

/** How the steps of a task went. */
export interface FileAnswer {
  /** Bytes that were written to the target. */
  readonly written: number;
  /** Steps whose file could not be written, and why. */
  readonly failed: readonly {
    readonly step: number;
    readonly code: ErrorCode;
    readonly message: string;
  }[];
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
      this.#failed.push({ step: use, code: error.code, message: error.message });
    }
  }

  end(): FileAnswer {
    return { failed: this.#failed, ...takeOutcome(this.#files) };
  }
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
    .map(({ path, error }) => ({ path, code: error.code, message: error.message }));
  const { ownersNotRestored } = metadata;
  metadata.ownersNotRestored = 0;
  files.written = 0;
  return { written, problems, ownersNotRestored };
}
