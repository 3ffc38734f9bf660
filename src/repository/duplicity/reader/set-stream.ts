import type { CallOptions } from '../../../base/call-options.ts';
import { equalBytes } from '../../../base/bytes.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { quotePath } from '../../../base/posix/system-error.ts';
import type { TarEntry } from '../../../codec/tar/tar-entry.ts';
import { compareIndex } from '../index-order.ts';
import { parseVolumeName, type EntryName } from './entry-name.ts';
import type { OrderedStream } from './ordered-merge.ts';
import type { ReaderProblem } from './reader-problem.ts';
import type { TemporaryArea } from './temporary-store.ts';
import { fetchVolume, OpenVolume, type VolumeAccess, type VolumeSource } from './volume-source.ts';

/** An entry of a set; the blocks of a large file are one. */
export interface SetEntry {
  readonly path: Uint8Array;
  readonly kind: 'snapshot' | 'diff' | 'deleted';
  /** Of a large file that of its first block. */
  readonly tar: TarEntry;
  /** Whether more blocks may follow, so that `tar.size` is not the length of the content. */
  readonly isInBlocks: boolean;
  /** It comes after one that it should come before: the order of the set is wrong. */
  readonly isLate: boolean;
}

/** What the streams of one restore share. */
export interface SetStreamOptions extends CallOptions {
  readonly access: VolumeAccess;
  /** Pass over volumes that are damaged or missing. Else they end the reading. */
  readonly ignoreErrors: boolean;
  readonly onProblem: (problem: ReaderProblem) => void;
  /** How many volumes may be fetched before they are needed, in all streams together. */
  readonly ahead: { free: number };
}

interface Fetch {
  readonly promise: Promise<{ readonly area: TemporaryArea; readonly isChecked: boolean }>;
}

interface Range {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

type Pulled = { readonly name: EntryName; readonly tar: TarEntry };

const root = new Uint8Array(0);

/**
 * The entries of one set, through all its volumes or those that were chosen (docs/formats/duplicity.md 6, 14.1). The next volume is fetched while one is read. What
 * is wrong with single entries is told and passed over.
 */
export class SetStream implements OrderedStream<SetEntry> {
  readonly firstPath: Uint8Array;
  readonly #volumes: readonly VolumeSource[];
  readonly #options: SetStreamOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  /** What is not known, because the volumes that had it are not read. */
  readonly #lost: Range[] = [];
  #at = -1;
  #volume: OpenVolume | undefined;
  #next: Fetch | undefined;
  #current: SetEntry | undefined;
  /** Read ahead, to see whether it belongs to the current entry. */
  #pulled: Pulled | undefined;
  #last: Uint8Array | undefined;
  /** What ended the reading. */
  #failure: { readonly error: unknown } | undefined;

  /** `volumes` in their order. */
  constructor(volumes: readonly VolumeSource[], options: SetStreamOptions) {
    this.#volumes = volumes;
    this.#options = options;
    this.firstPath = volumes[0]?.start.path ?? root;
    const { signal } = options;
    this.#signal =
      signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
  }

  /** The next entry, past what was not read of the one before; undefined at the end. Then the stream is closed. */
  async next(): Promise<SetEntry | undefined> {
    if (this.#failure !== undefined) throw this.#failure.error;
    const before = this.#current;
    for (;;) {
      const pulled = this.#pulled ?? (await this.#pull());
      this.#pulled = undefined;
      if (pulled === undefined) {
        this.#current = undefined;
        return undefined;
      }
      const { name, tar } = pulled;
      if (before !== undefined && isContinued(before, name)) continue;
      const isLate = this.#last !== undefined && compareIndex(name.path, this.#last) <= 0;
      if (isLate && this.#isRepeated(name)) continue;
      if (!isLate) this.#last = name.path;
      this.#current = {
        path: name.path,
        kind: name.kind as SetEntry['kind'],
        tar,
        isInBlocks: name.block !== undefined,
        isLate,
      };
      return this.#current;
    }
  }

  /**
   * The next piece of the current entry's content; undefined at its end.
   *
   * @throws AppError `repository/damaged` if a part of it is lost; the stream goes on behind it
   */
  async read(): Promise<Uint8Array | undefined> {
    const current = this.#current;
    if (current === undefined || this.#pulled !== undefined) return undefined;
    for (;;) {
      const volume = this.#volume;
      if (volume === undefined) return undefined;
      let piece: Uint8Array | undefined;
      try {
        piece = await volume.tar.read();
      } catch (error) {
        const told = await this.#giveUp(error, current.path);
        throw partLost(current.path, told);
      }
      if (piece !== undefined) return piece;
      if (!current.isInBlocks) return undefined;
      const pulled = await this.#pull();
      if (this.isLost(current.path)) {
        this.#pulled = pulled;
        throw partLost(current.path);
      }
      if (pulled === undefined) return undefined;
      if (!isContinued(current, pulled.name)) {
        this.#pulled = pulled;
        return undefined;
      }
    }
  }

  /** Whether a volume was passed over. */
  get hasLosses(): boolean {
    return this.#lost.length > 0;
  }

  /** Whether something about a path may have been in what is lost. To be asked when the stream has come to the path. */
  isLost(path: Uint8Array): boolean {
    return this.#lost.some(
      ({ from, to }) => compareIndex(from, path) <= 0 && compareIndex(path, to) <= 0,
    );
  }

  async close(): Promise<void> {
    this.#at = this.#volumes.length;
    this.#current = undefined;
    this.#pulled = undefined;
    this.#stop.abort(new AppError('interrupted', 'The volume is not needed any more'));
    try {
      await this.#closeVolume();
    } finally {
      await this.#dropNext();
    }
  }

  #isRepeated({ path }: EntryName): boolean {
    const same = this.#last !== undefined && equalBytes(path, this.#last);
    const message = same
      ? `The archive has ${quotePath(path)} twice: the second one is passed over`
      : `The archive is out of order at ${quotePath(path)}`;
    this.#options.onProblem({
      severity: 'error',
      path,
      error: new AppError('repository/damaged', message),
    });
    return same;
  }

  /** The next entry of the tars whose name makes sense. */
  async #pull(): Promise<Pulled | undefined> {
    for (;;) {
      if (this.#volume === undefined && !(await this.#advance())) return undefined;
      let tar: TarEntry | undefined;
      try {
        tar = await this.#volume!.tar.next();
      } catch (error) {
        await this.#giveUp(error, this.#current?.path ?? this.#last ?? root);
        continue;
      }
      if (tar === undefined) {
        await this.#closeVolume();
        continue;
      }
      const name = parseVolumeName(tar.name);
      if (name !== undefined) return { name, tar };
      const volume = this.#volumes[this.#at]?.name;
      const error = new AppError(
        'repository/damaged',
        `"${volume}" has an entry with an impossible name: ${quotePath(tar.name)}`,
      );
      this.#options.onProblem({ severity: 'error', path: tar.name, error });
    }
  }

  /** Opens the next volume that can be read; false if there is none. */
  async #advance(): Promise<boolean> {
    const { access, onProblem } = this.#options;
    for (this.#at++; this.#at < this.#volumes.length; this.#at++) {
      const volume = this.#volumes[this.#at]!;
      try {
        const { area, isChecked } = await this.#fetched();
        if (!isChecked) {
          const message = `The manifest has no hash of "${volume.name}" that can be compared`;
          const error = new AppError('repository/damaged', message);
          onProblem({ severity: 'warning', path: undefined, error });
        }
        this.#fetchNext();
        this.#volume = await OpenVolume.open(volume, area, access, { signal: this.#signal });
        return true;
      } catch (error) {
        this.#lose(error, volume.start.path);
      }
    }
    return false;
  }

  async #fetched(): Promise<Awaited<Fetch['promise']>> {
    const next = this.#next;
    if (next === undefined) return this.#fetch(this.#at);
    this.#next = undefined;
    this.#options.ahead.free++;
    return next.promise;
  }

  #fetch(at: number): Fetch['promise'] {
    return fetchVolume(this.#volumes[at]!, this.#options.access, { signal: this.#signal });
  }

  /** Fetches the volume after the current one, if there is room for it. */
  #fetchNext(): void {
    const { ahead } = this.#options;
    const at = this.#at + 1;
    if (at >= this.#volumes.length || ahead.free <= 0) return;
    ahead.free--;
    const promise = this.#fetch(at);
    // Whoever waits for it hears of a failure.
    promise.catch(() => undefined);
    this.#next = { promise };
  }

  async #dropNext(): Promise<void> {
    const next = this.#next;
    if (next === undefined) return;
    this.#next = undefined;
    this.#options.ahead.free++;
    const fetched = await next.promise.catch(() => undefined);
    fetched?.area[Symbol.dispose]();
  }

  /** Lets go of the rest of a volume that cannot be read. */
  async #giveUp(error: unknown, from: Uint8Array): Promise<AppError> {
    const told = this.#lose(error, from);
    await this.#closeVolume();
    return told;
  }

  /** What cannot be read: passed over with a finding, or the end of all. */
  #lose(error: unknown, from: Uint8Array): AppError {
    this.#signal.throwIfAborted();
    const { ignoreErrors, onProblem } = this.#options;
    const isDamage = hasCode(error, 'repository/damaged', 'storage/not-found');
    if (!ignoreErrors || !isDamage) {
      this.#failure = { error };
      throw error;
    }
    const { end } = this.#volumes[this.#at]!;
    this.#lost.push({ from, to: end.path });
    onProblem({ severity: 'error', path: undefined, error });
    return error;
  }

  async #closeVolume(): Promise<void> {
    const volume = this.#volume;
    this.#volume = undefined;
    await volume?.close();
  }
}

/** Whether an entry is a further block of another one. */
function isContinued(entry: SetEntry, { kind, path, block }: EntryName): boolean {
  return (
    entry.isInBlocks && block !== undefined && kind === entry.kind && equalBytes(path, entry.path)
  );
}

function partLost(path: Uint8Array, cause?: AppError): AppError {
  return new AppError(
    'repository/damaged',
    `A part of ${quotePath(path)} is lost with a volume that cannot be read`,
    { cause },
  );
}
