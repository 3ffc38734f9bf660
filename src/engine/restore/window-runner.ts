import { AppError, hasCode } from '../../base/errors.ts';
import { joinPath, nameOf, parentOf } from '../../base/posix/path-bytes.ts';
import { quotePath } from '../../base/posix/system-error.ts';
import { decodeEntry } from '../../repository/native/content/tree.ts';
import type { BlobReader } from '../../repository/native/reader/blob-reader.ts';
import type { BulkHandler, BulkReader } from '../../repository/native/reader/bulk-reader.ts';
import { createHardLink } from '../../target/filesystem/target-entry.ts';
import type { TargetTree } from '../../target/filesystem/target-tree.ts';
import { isFatal, type FileRestorer } from './file-restorer.ts';
import { encodeSteps } from './file-script.ts';
import { errorOf, performStep, takeOutcome, type FileAnswer } from './file-sink.ts';
import type { RestoreTally } from './restore-tally.ts';
import {
  pathOf,
  stepOf,
  type FileUse,
  type LaterName,
  type RestoredFile,
  type RestoreWindow,
} from './restore-window.ts';

/** A window whose content is being restored. */
interface RunningWindow {
  /** Its last read has begun. */
  readonly begun: Promise<void>;
  /** It is done, and so are all before it. */
  readonly over: Promise<void>;
}

const nothing: RunningWindow = { begun: Promise.resolve(), over: Promise.resolve() };

/**
 * Restores the content of windows while the next one is planned. The reads of a window begin when the last one of the window before has begun, so that the line is
 * never idle; what comes after the reading is done window by window.
 */
export class WindowRunner {
  readonly #blobs: BlobReader;
  readonly #bulk: BulkReader;
  readonly #files: FileRestorer;
  /** A second way into the target, because a handle is good only until the next is asked for. */
  readonly #firstNames: TargetTree;
  readonly #tally: RestoreTally;
  readonly #signal: AbortSignal;
  /** Aborts when a window has failed: the one after it is stopped as well, or the one before. */
  readonly #failure = new AbortController();
  readonly #unlinked: LaterName[] = [];
  #last = nothing;
  #before = nothing;

  constructor(
    blobs: BlobReader,
    bulk: BulkReader,
    files: FileRestorer,
    firstNames: TargetTree,
    tally: RestoreTally,
    signal: AbortSignal,
  ) {
    this.#blobs = blobs;
    this.#bulk = bulk;
    this.#files = files;
    this.#firstNames = firstNames;
    this.#tally = tally;
    this.#signal = AbortSignal.any([signal, this.#failure.signal]);
  }

  /** Begins with a window once the reads of the one before have begun and the one before that is done. Rejects with what went wrong with those. */
  async submit(window: RestoreWindow): Promise<void> {
    await this.#before.over;
    await Promise.race([this.#last.begun, this.#last.over]);
    const { over: before } = (this.#before = this.#last);
    const begun = Promise.withResolvers<void>();
    const over = this.#run(window, before, () => begun.resolve());
    // Whoever waits for it gets the failure; nobody does until the next window is planned.
    over.catch(() => undefined);
    this.#last = { begun: begun.promise, over };
  }

  /** Resolves when everything is restored. */
  async finish(): Promise<void> {
    await this.#last.over;
  }

  /** Names that could not be linked because the first one could not be written, though its content can be read. */
  takeUnlinked(): LaterName[] {
    return this.#unlinked.splice(0);
  }

  /** Resolves when nothing is under way any more, whatever came of it. */
  async settle(): Promise<void> {
    await this.#last.over.catch(() => undefined);
  }

  async #run(window: RestoreWindow, before: Promise<void>, onLastBegun: () => void): Promise<void> {
    try {
      const failed = await this.#read(window, onLastBegun);
      await before;
      await this.#complete(window, failed);
    } catch (error) {
      this.#failure.abort(error);
      await before.catch(() => undefined);
      // Of the failures of two windows the second is that it was stopped.
      throw this.#failure.signal.reason;
    }
  }

  /** Gives what could not be read. */
  async #read({ plan }: RestoreWindow, onLastBegun: () => void): Promise<FileUse[]> {
    const failed: FileUse[] = [];
    const handler: BulkHandler<FileUse> = {
      payloadOf: (uses) => encodeSteps(uses.map(stepOf)),
      onAnswer: (uses, answer, unread) => this.#answered(uses, answer as FileAnswer, unread),
      onFailed: (uses) => {
        for (const use of uses) failed.push(use);
      },
    };
    await this.#bulk.run(plan, handler, { signal: this.#signal, onLastBegun });
    return failed;
  }

  /** Does what is left when everything of a window was read and the windows before are done. */
  async #complete(window: RestoreWindow, failed: readonly FileUse[]): Promise<void> {
    this.#tally.counters.bytesRead = this.#bulk.bytesRead;
    for (const use of failed) await this.#restoreSingly(use);
    for (const file of window.files) this.#finishFile(file);
    for (const link of window.links) this.#link(link);
    for (const { path, entry } of window.directories) {
      this.#signal.throwIfAborted();
      this.#attempt(path, () => {
        const fd = this.#files.tree.directory(parentOf(path));
        if (path.length === 0) this.#files.metadata.applyToOpen(fd, entry, path);
        else this.#files.metadata.applyToDirectory(fd, nameOf(path), entry, path);
      });
    }
    this.note(takeOutcome(this.#files));
  }

  /** Counts what a restorer has done. */
  note({ written, problems, ownersNotRestored }: Omit<FileAnswer, 'failed'>): void {
    this.#tally.counters.bytesAdded += written;
    this.#tally.ownersNotRestored += ownersNotRestored;
    for (const problem of problems) this.#tally.problem(problem.path, errorOf(problem));
  }

  #answered(uses: readonly FileUse[], answer: FileAnswer, unread: ReadonlySet<FileUse>): void {
    const { failed, ...outcome } = answer;
    for (const failure of failed) uses[failure.step]!.file.error ??= errorOf(failure);
    for (const use of uses) if (!unread.has(use)) this.#done(use);
    this.note(outcome);
  }

  /** The slow way, which finds other copies and packs that were moved. */
  async #restoreSingly(use: FileUse): Promise<void> {
    const { file } = use;
    this.#signal.throwIfAborted();
    try {
      const bytes = await this.#blobs.read(use.type, use.id, use.length);
      this.#tally.counters.bytesRead += bytes.length;
      this.#attempt(file.directory, () => performStep(this.#files, stepOf(use), bytes), file);
    } catch (error) {
      if (!hasCode(error, 'repository/damaged')) throw error;
      file.missing += use.length;
      file.error ??= error;
    }
    this.#done(use);
  }

  #done({ file, length }: FileUse): void {
    file.pending--;
    this.#tally.counters.bytes += length;
    if (!file.inParts) this.#count(file);
  }

  #finishFile(file: RestoredFile): void {
    const path = pathOf(file);
    if (file.error === undefined && file.pending > 0) {
      throw new AppError('internal', `${quotePath(path)} was finished before its content`);
    }
    if (file.error === undefined) {
      this.#attempt(
        path,
        () =>
          this.#files.withFile(file.directory, file.name, (fd) => {
            this.#files.metadata.applyToOpen(fd, decodeEntry(file.encoded), path);
          }),
        file,
      );
    }
    this.#count(file);
  }

  /** A file is whole, or is said not to be. */
  #count(file: RestoredFile): void {
    const { size, missing } = file;
    if (file.error === undefined) {
      this.#tally.counters.files++;
      this.#tally.entry('restored', () => pathOf(file), size);
      return;
    }
    const path = pathOf(file);
    if (missing === 0) {
      this.#tally.problem(path, file.error);
    } else {
      this.#tally.damaged++;
      const rest = missing === size ? 'nothing of it' : 'the rest, with holes in between,';
      this.#tally.problem(
        path,
        new AppError(
          'repository/damaged',
          `${missing} of ${size} bytes of ${quotePath(path)} are lost, ${rest} was restored: ${file.error.message}`,
          { cause: file.error, hint: 'Restore it from another snapshot' },
        ),
      );
    }
  }

  #link(later: LaterName): void {
    const { entry, first } = later;
    const directory = later.place.path;
    const path = joinPath(directory, entry.name);
    if (first.file?.error !== undefined && first.file.missing === 0) {
      this.#unlinked.push(later);
      return;
    }
    if (first.file?.error !== undefined) {
      const error = new AppError(
        first.file.error.code,
        `Cannot link ${quotePath(path)}: the file has another name that was not restored`,
      );
      this.#tally.problem(path, error);
      return;
    }
    this.#attempt(path, () => {
      const existing = this.#firstNames.directory(first.directory);
      const at = this.#files.tree.directory(directory);
      createHardLink(at, entry.name, existing, first.name);
      this.#tally.links++;
      this.#tally.count(entry);
      this.#tally.entry('restored', () => path, entry.size);
    });
  }

  /** What fails for one entry is a problem; what would fail for all ends the restore. */
  #attempt(path: Uint8Array, call: () => void, file?: RestoredFile): void {
    try {
      call();
    } catch (error) {
      if (!hasCode(error, 'target/refused', 'target/unwritable') || isFatal(error)) throw error;
      if (file === undefined) this.#tally.problem(path, error);
      else file.error ??= error;
    }
  }
}
