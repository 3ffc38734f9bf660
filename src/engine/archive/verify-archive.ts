import { equalBytes } from '../../base/bytes.ts';
import { AppError, hasCode } from '../../base/errors.ts';
import { noCounters, type OperationCounters } from '../../model/event.ts';
import type { BackupSet } from '../../repository/duplicity/collection/backup-set.ts';
import { compareIndex } from '../../repository/duplicity/index-order.ts';
import {
  type ArchivedEntry,
  ArchiveReader,
  type ReadableArchive,
} from '../../repository/duplicity/reader/archive-reader.ts';
import type { ItemContent, SourceItem } from '../../repository/duplicity/writer/source-item.ts';
import type { OperationContext } from '../operation.ts';
import { attributeDifference, type TreeDifference } from './tree-difference.ts';

export interface VerifyArchiveInput {
  readonly archive: ReadableArchive;
  /** The full set and the incremental ones upon it, as `chooseSets` gives them. */
  readonly sets: readonly BackupSet[];
  /** What of the archive; empty or undefined: everything. */
  readonly path?: Uint8Array | undefined;
  /** The tree, in index order, its root being what `path` is in the archive. Without it only the archive is checked. */
  readonly items?: Iterable<SourceItem> | AsyncIterable<SourceItem> | undefined;
  /** What is compared of entries that both have: with `nothing` not even whether both have them. */
  readonly compare: 'nothing' | 'attributes' | 'contents';
  readonly owners: 'numbers' | 'names';
  /** Pass over volumes that are damaged or missing. */
  readonly ignoreErrors: boolean;
  /** Told of the first difference of each entry; `path` is below the tree's root. */
  readonly onDifference: (path: Uint8Array, difference: TreeDifference) => void;
  /** Told of each entry that was compared and is the same. */
  readonly onSame?: (path: Uint8Array) => void;
}

export interface ArchiveVerified {
  /** Entries of the archive, and those that only the tree has. */
  readonly compared: number;
  readonly differences: number;
  /** Entries that could not be read, of the archive or of the tree; they were reported. */
  readonly errors: number;
  /** Bytes of contents that were compared. */
  readonly bytes: number;
}

/** Progress is told at most this often, in milliseconds. */
const INTERVAL = 100;

/**
 * Reads all volumes that are needed and checks their hashes and their structure, the contents of all files included, and compares what they give with a tree (docs/formats/duplicity.md 14.1).
 * Problems with single entries are reported and counted.
 *
 * @throws AppError `repository/…`, `storage/…`, `local/unwritable`; `snapshot/missing` if the path is not in the archive
 */
export async function verifyArchive(
  input: VerifyArchiveInput,
  context: OperationContext,
): Promise<ArchiveVerified> {
  const verification = new Verification(input, context);
  return verification.run();
}

class Verification {
  readonly #input: VerifyArchiveInput;
  readonly #context: OperationContext;
  readonly #below: Uint8Array;
  readonly #counters: { -readonly [Name in keyof OperationCounters]: number } = { ...noCounters };
  #compared = 0;
  #differences = 0;
  #last = -Infinity;
  #buffer = new Uint8Array(64 * 1024);

  constructor(input: VerifyArchiveInput, context: OperationContext) {
    this.#input = input;
    this.#context = context;
    this.#below = input.path ?? new Uint8Array(0);
  }

  async run(): Promise<ArchiveVerified> {
    const { archive, sets, items, ignoreErrors } = this.#input;
    const { signal, report } = this.#context;
    const below = this.#below;
    report({ type: 'phase', phase: items === undefined ? 'Checking the volumes' : 'Comparing' });
    const tree = items === undefined ? undefined : iteratorOf(items);
    let isEmpty = true;
    try {
      let item = await nextOf(tree);
      for await (const archived of new ArchiveReader(archive).entries(sets, {
        below,
        ignoreErrors,
        signal,
        onProblem: ({ severity, path, error }) => this.#problem(severity, path, error),
      })) {
        isEmpty = false;
        const path = archived.path.subarray(below.length === 0 ? 0 : below.length + 1);
        while (item !== undefined && compareIndex(item.path, path) < 0) {
          this.#onlyInTree(item.path);
          item = await nextOf(tree);
        }
        const isSame = item !== undefined && equalBytes(item.path, path);
        await this.#compare(path, archived, isSame ? item : undefined, items !== undefined);
        if (isSame) item = await nextOf(tree);
      }
      if (isEmpty && below.length > 0) {
        throw new AppError('snapshot/missing', 'The path is not in the archive', {
          details: { missing: 'path' },
        });
      }
      for (; item !== undefined; item = await nextOf(tree)) {
        signal.throwIfAborted();
        this.#onlyInTree(item.path);
      }
    } finally {
      await tree?.return?.();
    }
    const { errors, bytes } = this.#counters;
    return { compared: this.#compared, differences: this.#differences, errors, bytes };
  }

  #onlyInTree(path: Uint8Array): void {
    this.#compared++;
    if (this.#input.compare !== 'nothing') this.#differ(path, { what: 'new' });
  }

  async #compare(
    path: Uint8Array,
    archived: ArchivedEntry,
    item: SourceItem | undefined,
    hasTree: boolean,
  ): Promise<void> {
    const { compare, owners, onSame } = this.#input;
    this.#compared++;
    if (archived.entry.type === 'file') this.#counters.files++;
    this.#progress(path);
    let difference: TreeDifference | undefined;
    if (hasTree && compare !== 'nothing') {
      difference =
        item === undefined
          ? { what: 'missing' }
          : attributeDifference(archived.entry, item.entry, owners === 'names');
    }
    try {
      if (archived.entry.type === 'file') {
        const wanted = difference === undefined && compare === 'contents' ? item : undefined;
        if (await this.#contentDiffers(archived, wanted)) difference = { what: 'content' };
      }
    } catch (error) {
      const isOfEntry = hasCode(
        error,
        'repository/damaged',
        'source/missing',
        'source/unreadable',
        'source/changed',
      );
      if (!isOfEntry) throw error;
      this.#problem('error', archived.path, error);
      return;
    }
    if (difference !== undefined) this.#differ(path, difference);
    else onSame?.(path);
  }

  /** Reads a file of the archive to its end, whether it is compared or not: that is what checks it. */
  async #contentDiffers(archived: ArchivedEntry, item: SourceItem | undefined): Promise<boolean> {
    const { signal } = this.#context;
    using content = await item?.open();
    let isSame = true;
    for await (const piece of archived.content()) {
      signal.throwIfAborted();
      this.#counters.bytesRead += piece.length;
      if (content === undefined || !isSame) continue;
      this.#counters.bytes += piece.length;
      if (this.#buffer.length < piece.length) this.#buffer = new Uint8Array(piece.length);
      const length = await filled(content, this.#buffer, piece.length);
      isSame = length === piece.length && equalBytes(this.#buffer.subarray(0, length), piece);
    }
    if (content === undefined) return false;
    return !isSame || (await content.readInto(this.#buffer, 0, 1)) > 0;
  }

  #differ(path: Uint8Array, difference: TreeDifference): void {
    this.#differences++;
    this.#input.onDifference(path, difference);
  }

  #problem(severity: 'warning' | 'error', path: Uint8Array | undefined, error: AppError): void {
    if (severity === 'error') this.#counters.errors++;
    const where = path === undefined ? {} : { path };
    this.#context.report({ type: 'problem', severity, error, ...where });
  }

  #progress(current: Uint8Array): void {
    const now = this.#context.clock.monotonic();
    if (now - this.#last < INTERVAL) return;
    this.#last = now;
    this.#context.report({ type: 'progress', ...this.#counters, current });
  }
}

/** As much as there is, up to `length`: a source may give less at a time. */
async function filled(content: ItemContent, buffer: Uint8Array, length: number): Promise<number> {
  let done = 0;
  while (done < length) {
    const count = await content.readInto(buffer, done, length - done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

type Items = AsyncIterator<SourceItem, unknown> | Iterator<SourceItem, unknown>;

function iteratorOf(items: Iterable<SourceItem> | AsyncIterable<SourceItem>): Items {
  return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
}

async function nextOf(items: Items | undefined): Promise<SourceItem | undefined> {
  const next = await items?.next();
  return next === undefined || next.done === true ? undefined : next.value;
}
