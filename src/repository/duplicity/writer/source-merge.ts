import { AppError } from '../../../base/errors.ts';
import { quotePath } from '../../../base/posix/system-error.ts';
import { Signature } from '../../../codec/rsync/signature.ts';
import { compareIndex } from '../index-order.ts';
import type { SignatureEntry } from '../reader/signature-state.ts';
import {
  changesType,
  type ComparisonSettings,
  hasChanged,
  hasOwnRecords,
  mayHaveChangedSince,
  sizesOfSignature,
} from './change-detection.ts';
import { type BegunFile, BegunFileChanged } from './file-writer.ts';
import type { SetStatistics } from './set-statistics.ts';
import { type SetWriter, sizeOfObject } from './set-writer.ts';
import type { SourceItem } from './source-item.ts';

/** What was done with a path. */
export type ItemOutcome = 'new' | 'changed' | 'unchanged' | 'deleted' | 'unreadable';

/** What is to be stored, and what that needs. */
export interface MergeInput {
  /** In index order, the root first. */
  readonly items: Iterable<SourceItem> | AsyncIterable<SourceItem>;
  /** What the chain has; undefined for a full set. */
  readonly state: AsyncIterable<SignatureEntry> | undefined;
  /** Whether what is missing at a path only could not be looked at: then it is kept. */
  readonly isUnreadable: (path: Uint8Array) => boolean;
  readonly comparison: ComparisonSettings;
  readonly onItem: (outcome: ItemOutcome, path: Uint8Array, size: number, isFile: boolean) => void;
  readonly signal: AbortSignal | undefined;
}

/** Where an interrupted run goes on. */
export interface RestartPoint {
  /** The last path of which something is stored. */
  readonly path: Uint8Array;
  /** Set if only the first blocks of it are. */
  readonly begun: BegunFile | undefined;
  /** Whether something must not be stored because what it lies in is no directory in the set. */
  readonly hasNoParent: (path: Uint8Array) => boolean;
}

/** Compares a source with what a chain has, in one pass, and writes what differs (docs/formats/duplicity.md 9). */
export async function writeChanges(
  input: MergeInput,
  writer: SetWriter,
  statistics: SetStatistics,
  restart?: RestartPoint,
): Promise<void> {
  const merge = new SourceMerge(input, writer, statistics, restart);
  await merge.run();
}

class SourceMerge {
  readonly #input: MergeInput;
  readonly #writer: SetWriter;
  readonly #statistics: SetStatistics;
  readonly #restart: RestartPoint | undefined;
  #last: Uint8Array | undefined;
  #isBegunDone = false;

  constructor(
    input: MergeInput,
    writer: SetWriter,
    statistics: SetStatistics,
    restart: RestartPoint | undefined,
  ) {
    this.#input = input;
    this.#writer = writer;
    this.#statistics = statistics;
    this.#restart = restart;
  }

  async run(): Promise<void> {
    const { items, state, signal } = this.#input;
    const known = state?.[Symbol.asyncIterator]();
    try {
      let old = await nextKnown(known);
      for await (const item of items) {
        signal?.throwIfAborted();
        this.#demandOrder(item.path);
        while (old !== undefined && compareIndex(old.path, item.path) < 0) {
          await this.#gone(old);
          old = await nextKnown(known);
        }
        if (old === undefined || compareIndex(old.path, item.path) > 0) {
          await this.#store(item, undefined);
        } else {
          await this.#store(item, old);
          old = await nextKnown(known);
        }
      }
      for (; old !== undefined; old = await nextKnown(known)) {
        signal?.throwIfAborted();
        await this.#gone(old);
      }
      this.#demandBegun(undefined);
    } finally {
      await known?.return?.();
    }
  }

  async #gone(old: SignatureEntry): Promise<void> {
    if (old.path.length === 0 || this.#input.isUnreadable(old.path)) return;
    if (this.#isPassed(old.path, false)) return;
    await this.#writer.deleted(old.path, old.kind === 'signature');
    this.#input.onItem('deleted', old.path, 0, old.kind === 'signature');
  }

  async #store(item: SourceItem, old: SignatureEntry | undefined): Promise<void> {
    const statistics = this.#statistics;
    const { onItem, comparison } = this.#input;
    statistics.sourceFiles++;
    if (this.#isPassed(item.path, true)) return;
    this.#demandBegun(item.path);
    if (this.#restart?.hasNoParent(item.path) === true) return;
    const begun = this.#begun(item);
    const isFile = item.entry.type === 'file';
    const size = isFile ? item.entry.size : 0;
    if (old === undefined || old.kind === 'deleted' || changesType(item, old.tar)) {
      const stored = await this.#writer.snapshot(item, begun);
      onItem(stored ? 'new' : 'unreadable', item.path, size, isFile);
      return;
    }
    let signature: Uint8Array | undefined;
    let isChanged = begun !== undefined || hasChanged(item, old.tar, comparison);
    if (!isChanged && isFile && comparison.extensions && !hasOwnRecords(old.tar)) {
      // What was stored by others does not tell the size, but how many blocks there were.
      signature = await old.read();
      const { least, most } = sizesOfSignature(signature, signature.length);
      isChanged = size < least || size > most || mayHaveChangedSince(item, comparison);
    }
    if (!isChanged) {
      statistics.sourceFileSize += sizeOfObject(item);
      onItem('unchanged', item.path, size, isFile);
      return;
    }
    const stored = isFile
      ? await this.#writer.difference(item, Signature.parse(signature ?? (await old.read())), begun)
      : await this.#writer.snapshot(item, begun);
    onItem(stored ? 'changed' : 'unreadable', item.path, size, isFile);
  }

  /** Whether an interrupted run has dealt with a path. */
  #isPassed(path: Uint8Array, isItem: boolean): boolean {
    const restart = this.#restart;
    if (restart === undefined) return false;
    const order = compareIndex(path, restart.path);
    // What was begun as a file and is gone is noticed at the end.
    return order < 0 || (order === 0 && !(isItem && restart.begun !== undefined));
  }

  /** What was begun must come before what lies behind it, and before the end. */
  #demandBegun(path: Uint8Array | undefined): void {
    const restart = this.#restart;
    if (restart?.begun === undefined || this.#isBegunDone) return;
    if (path === undefined || compareIndex(path, restart.path) > 0) {
      throw new BegunFileChanged(restart.path);
    }
  }

  #begun(item: SourceItem): BegunFile | undefined {
    const restart = this.#restart;
    if (restart?.begun === undefined || compareIndex(item.path, restart.path) !== 0)
      return undefined;
    if (item.entry.type !== 'file') throw new BegunFileChanged(item.path);
    this.#isBegunDone = true;
    return restart.begun;
  }

  #demandOrder(path: Uint8Array): void {
    const last = this.#last;
    this.#last = path;
    const isRight = last === undefined ? path.length === 0 : compareIndex(last, path) < 0;
    if (isRight) return;
    throw new AppError('internal', `${quotePath(path)} came out of order`);
  }
}

async function nextKnown(
  known: AsyncIterator<SignatureEntry> | undefined,
): Promise<SignatureEntry | undefined> {
  const next = await known?.next();
  return next === undefined || next.done === true ? undefined : next.value;
}
