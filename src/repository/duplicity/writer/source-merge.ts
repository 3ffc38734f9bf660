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
  wholeItem,
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
  readonly state: (() => KnownState) | undefined;
  /** Whether what is missing at a path only could not be looked at: then it is kept. */
  readonly isUnreadable: (path: Uint8Array) => boolean;
  readonly comparison: ComparisonSettings;
  readonly onItem: (outcome: ItemOutcome, path: Uint8Array, size: number, isFile: boolean) => void;
  readonly signal: AbortSignal | undefined;
}

/** What a chain has, one entry after the other (`SignatureState`). */
export interface KnownState {
  /** Undefined at the end; a promise only where something has to be waited for. */
  next(): SignatureEntry | undefined | Promise<SignatureEntry | undefined>;
  close(): Promise<void>;
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
    const known = state?.();
    const found = iteratorOf(items);
    try {
      let old = known?.next();
      if (old instanceof Promise) old = await old;
      for (;;) {
        let next = found.next();
        if (next instanceof Promise) next = await next;
        if (next.done === true) break;
        const item = next.value;
        signal?.throwIfAborted();
        this.#demandOrder(item.path);
        let order = old === undefined ? 1 : compareIndex(old.path, item.path);
        while (old !== undefined && order < 0) {
          await this.#gone(old);
          old = known?.next();
          if (old instanceof Promise) old = await old;
          order = old === undefined ? 1 : compareIndex(old.path, item.path);
        }
        const wait = this.#store(item, order === 0 ? old : undefined);
        if (wait !== undefined) await wait;
        if (order !== 0) continue;
        old = known?.next();
        if (old instanceof Promise) old = await old;
      }
      while (old !== undefined) {
        signal?.throwIfAborted();
        await this.#gone(old);
        old = await known?.next();
      }
      this.#demandBegun(undefined);
    } finally {
      try {
        await found.return?.();
      } finally {
        await known?.close();
      }
    }
  }

  async #gone(old: SignatureEntry): Promise<void> {
    if (old.path.length === 0 || this.#input.isUnreadable(old.path)) return;
    if (this.#isPassed(old.path, false)) return;
    await this.#writer.deleted(old.path, old.kind === 'signature');
    this.#input.onItem('deleted', old.path, 0, old.kind === 'signature');
  }

  /** Most items are as they were: for those there is nothing to wait for. */
  #store(item: SourceItem, old: SignatureEntry | undefined): Promise<void> | undefined {
    const statistics = this.#statistics;
    const { onItem, comparison } = this.#input;
    statistics.sourceFiles++;
    if (this.#isPassed(item.path, true)) return undefined;
    this.#demandBegun(item.path);
    if (this.#restart?.hasNoParent(item.path) === true) return undefined;
    const begun = this.#begun(item);
    if (old === undefined || old.kind === 'deleted' || changesType(item, old.tar)) {
      return this.#storeNew(item, begun);
    }
    if (begun !== undefined || hasChanged(item, old.tar, comparison)) {
      return this.#storeChanged(item, old, undefined, begun);
    }
    const isFile = item.entry.type === 'file';
    if (isFile && comparison.extensions && !hasOwnRecords(old.tar)) {
      return this.#lookCloser(item, old);
    }
    statistics.sourceFileSize += sizeOfObject(item);
    onItem('unchanged', item.path, isFile ? item.entry.size : 0, isFile);
    return undefined;
  }

  async #storeNew(item: SourceItem, begun: BegunFile | undefined): Promise<void> {
    const stored = await this.#writer.snapshot(this.#toStore(item), begun);
    this.#tell(stored ? 'new' : 'unreadable', item);
  }

  async #storeChanged(
    item: SourceItem,
    old: SignatureEntry,
    signature: Uint8Array | undefined,
    begun: BegunFile | undefined,
  ): Promise<void> {
    const whole = this.#toStore(item);
    const stored =
      item.entry.type === 'file'
        ? await this.#writer.difference(
            whole,
            Signature.parse(signature ?? (await old.read())),
            begun,
          )
        : await this.#writer.snapshot(whole, begun);
    this.#tell(stored ? 'changed' : 'unreadable', item);
  }

  /** What was stored by others does not tell the size, but how many blocks there were. */
  async #lookCloser(item: SourceItem, old: SignatureEntry): Promise<void> {
    const signature = await old.read();
    const { least, most } = sizesOfSignature(signature, signature.length);
    const { size } = item.entry;
    if (size < least || size > most || mayHaveChangedSince(item, this.#input.comparison)) {
      await this.#storeChanged(item, old, signature, undefined);
      return;
    }
    this.#statistics.sourceFileSize += sizeOfObject(item);
    this.#tell('unchanged', item);
  }

  #tell(outcome: ItemOutcome, { entry, path }: SourceItem): void {
    const isFile = entry.type === 'file';
    this.#input.onItem(outcome, path, isFile ? entry.size : 0, isFile);
  }

  #toStore(item: SourceItem): SourceItem {
    return this.#input.comparison.extensions ? wholeItem(item) : item;
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

function iteratorOf<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
): Iterator<Item> | AsyncIterator<Item> {
  return Symbol.iterator in items ? items[Symbol.iterator]() : items[Symbol.asyncIterator]();
}
