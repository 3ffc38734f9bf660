import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { quotePath } from '../../../base/posix/system-error.ts';
import type { TarEntry } from '../../../codec/tar/tar-entry.ts';
import { TarReader } from '../../../codec/tar/tar-reader.ts';
import type { BackupSet } from '../collection/backup-set.ts';
import type { DuplicityArchive } from '../duplicity-archive.ts';
import { compareIndex } from '../index-order.ts';
import { parseSignatureName } from './entry-name.ts';
import { OrderedMerge, type OrderedStream } from './ordered-merge.ts';
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
  { signal, onProblem }: SignatureStateOptions = {},
): AsyncGenerator<SignatureEntry, void, undefined> {
  using store = new TemporaryStore(source.tempDirectory);
  const report = (problem: ReaderProblem): void => {
    if (onProblem === undefined) throw problem.error;
    onProblem(problem);
  };
  const streams = sets.map((set) => {
    const open = (): AsyncIterable<Uint8Array> => source.signaturesOf(set, { signal });
    return new SignatureStream(
      sets.length > MANY_SETS ? new Decoded(open, store) : { open },
      report,
    );
  });
  try {
    const merge = new OrderedMerge(streams);
    for (;;) {
      signal?.throwIfAborted();
      const [newest] = (await merge.next()) ?? [];
      if (newest === undefined) return;
      if (newest.item.kind !== 'deleted') yield newest.item;
    }
  } finally {
    for (const stream of streams) await stream.close();
  }
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

  async next(): Promise<SignatureEntry | undefined> {
    if (this.#isOver) return undefined;
    const reader = (this.#tar ??= new TarReader(await this.#opener.open()));
    for (;;) {
      const tar = await reader.next();
      if (tar === undefined) {
        await this.close();
        return undefined;
      }
      const name = parseSignatureName(tar.name);
      if (name === undefined || name.kind === 'diff') {
        this.#bad(
          tar.name,
          `Signatures have an entry with an impossible name: ${quotePath(tar.name)}`,
        );
        continue;
      }
      const { kind, path } = name;
      if (this.#last !== undefined && compareIndex(path, this.#last) <= 0) {
        this.#bad(path, `Signatures are out of order at ${quotePath(path)}`);
        continue;
      }
      this.#last = path;
      return { path, kind, tar, read: () => whole(reader, tar.size, path) };
    }
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
