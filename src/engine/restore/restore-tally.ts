import { AppError } from '../../base/errors.ts';
import { counted } from '../../base/counted.ts';
import { joinPath } from '../../base/posix/path-bytes.ts';
import { quotePath } from '../../base/posix/system-error.ts';
import type { Entry } from '../../model/entry.ts';
import { noCounters, type EntryEvent, type OperationCounters } from '../../model/event.ts';
import type { SparedPlace } from '../../target/filesystem/spared-places.ts';
import type { OperationContext } from '../operation.ts';

/** Progress is told at most this often, in milliseconds. */
const INTERVAL = 100;

/** Counts what a restore does and tells of it. */
export class RestoreTally {
  readonly counters: { -readonly [Name in keyof OperationCounters]: number } = { ...noCounters };
  /** Entries that belong to who restores instead of their owner. */
  ownersNotRestored = 0;
  directories = 0;
  others = 0;
  links = 0;
  deleted = 0;
  /** What the policy has left as it was although the snapshot has it otherwise. */
  skipped = 0;
  damaged = 0;
  readonly #context: OperationContext;
  readonly #root: Uint8Array;
  readonly #verbose: boolean;
  readonly #spared = new Set<string>();
  #last = -Infinity;

  constructor(context: OperationContext, root: Uint8Array, verbose: boolean) {
    this.#context = context;
    this.#root = root;
    this.#verbose = verbose;
  }

  /** `path` is below the target. */
  problem(path: Uint8Array, error: AppError): void {
    this.counters.errors++;
    this.#context.report({ type: 'problem', severity: 'error', path: this.#full(path), error });
  }

  /** An entry that is as in the snapshot now, or will be. */
  count({ type, size }: Pick<Entry, 'type' | 'size'>): void {
    if (type === 'file') {
      this.counters.files++;
      this.counters.bytes += size;
    } else this.others++;
  }

  /** An entry that was as in the snapshot already. */
  unchanged(path: Uint8Array, entry: Pick<Entry, 'type' | 'size'>): void {
    this.count(entry);
    if (entry.type === 'file') this.counters.filesUnchanged++;
    this.entry('unchanged', () => path, entry.size);
  }

  /** Something that stays as it is although the snapshot has it otherwise: the policy says so. */
  leave(path: Uint8Array, size: number): void {
    this.skipped++;
    this.entry('skipped', () => path, size);
  }

  /** Says how many entries belong to who restores them. */
  tellOwners(): void {
    const count = this.ownersNotRestored;
    if (count === 0) return;
    const what = counted(
      count,
      'entry belongs to you instead of its owner',
      'entries belong to you instead of their owners',
    );
    this.#context.report({ type: 'notice', message: `${what}: only root can give files away` });
  }

  /** Says so if filters have left nothing but the directory that was restored. */
  tellNothingFits(): void {
    const { files, errors } = this.counters;
    if (files + this.others + this.skipped + errors > 0 || this.directories > 1) return;
    const message = 'Nothing in the snapshot fits the filters, so nothing was restored';
    const hint = 'Look with "holdfast find" how the names are written';
    const error = new AppError('snapshot/missing', message, { hint });
    this.#context.report({ type: 'problem', severity: 'warning', error });
  }

  /** Something in the target that is left alone, although the restore would do something to it. `path` is below the target. */
  spared(path: Uint8Array, { title }: SparedPlace): void {
    const place = quotePath(this.#full(path));
    if (this.#spared.has(place)) return;
    this.#spared.add(place);
    this.#context.report({ type: 'notice', message: `${place} is left alone: it is ${title}` });
  }

  /** `pathOf` is only asked where somebody hears of it. */
  entry(action: EntryEvent['action'], pathOf: () => Uint8Array, size: number): void {
    if (this.#verbose) {
      this.#context.report({ type: 'entry', action, path: this.#full(pathOf()), size });
    }
    const now = this.#context.clock.monotonic();
    if (now - this.#last < INTERVAL) return;
    this.#last = now;
    this.#context.report({ type: 'progress', ...this.counters, current: pathOf() });
  }

  #full(path: Uint8Array): Uint8Array {
    return joinPath(this.#root, path);
  }
}
