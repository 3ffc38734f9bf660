import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { quotePath } from '../../../base/posix/system-error.ts';
import type { TarEntry } from '../../../codec/tar/tar-entry.ts';
import { TarReader } from '../../../codec/tar/tar-reader.ts';
import type { BackupSet } from '../collection/backup-set.ts';
import type { DuplicityArchive } from '../duplicity-archive.ts';
import { compareIndex } from '../index-order.ts';
import { parseSignatureName } from './entry-name.ts';
import { type MergedItem, OrderedMerge, type OrderedStream } from './ordered-merge.ts';
import type { ReaderProblem } from './reader-problem.ts';
import { type TemporaryArea, TemporaryStore } from './temporary-store.ts';

/** What a chain has at a path (docs/formats/duplicity.md 7). */
export interface SignatureEntry {
  /** Relative to the root, components joined by `/`; empty for the root. */
  readonly path: Uint8Array;
  /** `signature` for a regular file, `snapshot` for everything else. */
  readonly kind: 'signature' | 'snapshot' | 'deleted';
  /** The attributes. Its size is that of the signature. */
  readonly tar: TarEntry;
  /** The whole signature of a file; once, until the next entry is asked for. */
  read(): Promise<Uint8Array>;
}

export interface SignatureStateOptions extends CallOptions {
  /** Told of entries that make no sense, which are passed over. Without, they are thrown. */
  readonly onProblem?: ((problem: ReaderProblem) => void) | undefined;
}

/** What signatures are read with. */
export type SignatureSource = Pick<DuplicityArchive, 'signaturesOf' | 'tempDirectory'>;

/** More files than that at once: they are decoded before they are used, so that few decoders are at work and few files are open. */
const MANY_SETS = 8;
/** One that becomes larger is decoded while it is used even so. */
const MOST_DECODED_FIRST = 64 * 1024 * 1024;
const PIECE = 32 * 1024;
/** A signature of more than that would be one of a file of many petabytes. */
const MOST_SIGNATURE = 1024 * 1024 * 1024;

const root = new Uint8Array(0);

/**
 * What a chain has after the last of the sets: the newest entry of each path, in index order, without what is deleted.
 *
 * @param sets the full set and then the incremental ones
 * @throws AppError `repository/damaged` if signatures are missing or damaged; what the storage and the coding throw
 */
export async function* signatureState(
  source: SignatureSource,
  sets: readonly BackupSet[],
  options: SignatureStateOptions = {},
): AsyncGenerator<SignatureEntry, void, undefined> {
  const state = new SignatureState(source, sets, options);
  try {
    for (let entry = await state.next(); entry !== undefined; entry = await state.next()) {
      yield entry;
    }
  } finally {
    await state.close();
  }
}

/** The same, to be asked for one entry after the other, and closed. What it throws is as above. */
export class SignatureState {
  readonly #store: TemporaryStore;
  readonly #streams: readonly SignatureStream[];
  readonly #merge: OrderedMerge<SignatureEntry>;
  readonly #signal: AbortSignal | undefined;

  constructor(
    source: SignatureSource,
    sets: readonly BackupSet[],
    { signal, onProblem }: SignatureStateOptions = {},
  ) {
    this.#signal = signal;
    const store = new TemporaryStore(source.tempDirectory);
    this.#store = store;
    const report = (problem: ReaderProblem): void => {
      if (onProblem === undefined) throw problem.error;
      onProblem(problem);
    };
    this.#streams = sets.map((set) => {
      const open = (): AsyncIterable<Uint8Array> => source.signaturesOf(set, { signal });
      return new SignatureStream(
        sets.length > MANY_SETS ? new Decoded(open, store) : { open },
        report,
      );
    });
    this.#merge = new OrderedMerge(this.#streams);
  }

  /** The next entry, after which the one before cannot be read any more; undefined at the end. A promise only where something has to be waited for. */
  next(): SignatureEntry | undefined | Promise<SignatureEntry | undefined> {
    for (;;) {
      this.#signal?.throwIfAborted();
      const group = this.#merge.next();
      if (group instanceof Promise) {
        return group.then((found) => (isDeleted(found) ? this.next() : found?.[0]?.item));
      }
      if (!isDeleted(group)) return group?.[0]?.item;
    }
  }

  async close(): Promise<void> {
    try {
      for (const stream of this.#streams) await stream.close();
    } finally {
      this.#store[Symbol.dispose]();
    }
  }
}

function isDeleted(group: readonly MergedItem<SignatureEntry>[] | undefined): boolean {
  return group?.[0]?.item.kind === 'deleted';
}

interface Opener {
  open(): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
  close?(): void;
}

/** A file that is decoded before it is used, unless it is large. */
class Decoded implements Opener {
  readonly #open: () => AsyncIterable<Uint8Array>;
  readonly #store: TemporaryStore;
  #area: TemporaryArea | undefined;

  constructor(open: () => AsyncIterable<Uint8Array>, store: TemporaryStore) {
    this.#open = open;
    this.#store = store;
  }

  async open(): Promise<AsyncIterable<Uint8Array>> {
    this.#area = this.#store.area();
    for await (const piece of this.#open()) {
      this.#area.append(piece);
      if (this.#area.length <= MOST_DECODED_FIRST) continue;
      this.close();
      return this.#open();
    }
    return this.#area.stream(PIECE);
  }

  close(): void {
    this.#area?.[Symbol.dispose]();
    this.#area = undefined;
  }
}

class SignatureStream implements OrderedStream<SignatureEntry> {
  readonly firstPath = root;
  readonly #opener: Opener;
  readonly #report: (problem: ReaderProblem) => void;
  #tar: TarReader | undefined;
  #isOver = false;
  #last: Uint8Array | undefined;

  constructor(opener: Opener, report: (problem: ReaderProblem) => void) {
    this.#opener = opener;
    this.#report = report;
  }

  next(): SignatureEntry | undefined | Promise<SignatureEntry | undefined> {
    if (this.#isOver) return undefined;
    const reader = this.#tar;
    if (reader === undefined) return this.#begin();
    for (;;) {
      const tar = reader.next();
      if (tar instanceof Promise) return tar.then((found) => this.#given(found, reader));
      if (tar === undefined) return this.#end();
      const entry = this.#entryOf(tar, reader);
      if (entry !== undefined) return entry;
    }
  }

  async #begin(): Promise<SignatureEntry | undefined> {
    this.#tar = new TarReader(await this.#opener.open());
    return this.next();
  }

  async #end(): Promise<undefined> {
    await this.close();
  }

  #given(
    tar: TarEntry | undefined,
    reader: TarReader,
  ): SignatureEntry | undefined | Promise<SignatureEntry | undefined> {
    return tar === undefined ? this.#end() : (this.#entryOf(tar, reader) ?? this.next());
  }

  /** Undefined for what makes no sense; then that was told. */
  #entryOf(tar: TarEntry, reader: TarReader): SignatureEntry | undefined {
    const name = parseSignatureName(tar.name);
    if (name === undefined || name.kind === 'diff') {
      this.#bad(
        tar.name,
        `Signatures have an entry with an impossible name: ${quotePath(tar.name)}`,
      );
      return undefined;
    }
    const { kind, path } = name;
    if (this.#last !== undefined && compareIndex(path, this.#last) <= 0) {
      this.#bad(path, `Signatures are out of order at ${quotePath(path)}`);
      return undefined;
    }
    this.#last = path;
    return { path, kind, tar, read: () => whole(reader, tar.size, path) };
  }

  async close(): Promise<void> {
    this.#isOver = true;
    const reader = this.#tar;
    this.#tar = undefined;
    try {
      await reader?.close();
    } finally {
      this.#opener.close?.();
    }
  }

  #bad(path: Uint8Array, message: string): void {
    const error = new AppError('repository/damaged', message);
    this.#report({ severity: 'error', path, error });
  }
}

async function whole(reader: TarReader, size: number, path: Uint8Array): Promise<Uint8Array> {
  if (size > MOST_SIGNATURE) {
    throw new AppError('repository/damaged', `The signature of ${quotePath(path)} is too long`);
  }
  const first = await reader.read();
  if (first === undefined) return root;
  if (first.length === size) return first;
  // Grows with what comes, not with what the header says.
  const pieces = [first];
  for (let piece = await reader.read(); piece !== undefined; piece = await reader.read()) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
