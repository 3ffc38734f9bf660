import { AppError } from '../../base/errors.ts';
import { MalformedError } from '../../codec/binary/byte-reader.ts';
import { blobType } from '../../repository/native/content/blob-id.ts';
import {
  readContentList,
  type ContentItem,
  type ContentReference,
} from '../../repository/native/content/content-list.ts';
import type { TreeEntry } from '../../repository/native/content/tree.ts';
import type { BlobReader } from '../../repository/native/reader/blob-reader.ts';
import { isDamage, readContentItems } from '../../repository/native/reader/tree-reader.ts';
import { clearRange } from '../../target/filesystem/file-content.ts';
import type { FileRestorer } from './file-restorer.ts';
import type { RestoreTally } from './restore-tally.ts';
import { SpaceReservation } from './space-reservation.ts';
import { pathOf, type RestoredFile, type RestoreWindow } from './restore-window.ts';

/** What the content of files is planned into. */
export interface PlanningTurns {
  /** The window that is being filled. */
  window(): RestoreWindow;
  /** Lets others have their turn; begins another window if this one is full. */
  turn(): Promise<void>;
}

const noBytes = new Uint8Array(0);

/** Plans the content of files: what one blob fills is written in one go; everything else is made here and written in parts. */
export class ContentPlanner {
  readonly #blobs: BlobReader;
  readonly #files: FileRestorer;
  readonly #tally: RestoreTally;
  readonly #turns: PlanningTurns;
  readonly #scratch = new Uint8Array(64 * 1024);

  constructor(blobs: BlobReader, files: FileRestorer, tally: RestoreTally, turns: PlanningTurns) {
    this.#blobs = blobs;
    this.#files = files;
    this.#tally = tally;
    this.#turns = turns;
  }

  /**
   * Plans one file. Gives a promise where the content list must be read first.
   *
   * @throws AppError `target/…`, `repository/damaged`
   */
  plan(file: RestoredFile, entry: TreeEntry): Promise<void> | undefined {
    const { content, size } = entry;
    if (content === undefined || size === 0) {
      if (content !== undefined || size !== 0) throw wrongLength();
      this.#files.putWhole(file.directory, entry, file.update, noBytes);
      this.#tally.counters.files++;
      this.#tally.entry('restored', () => pathOf(file), 0);
      return undefined;
    }
    if (content.depth > 0) return this.#planLong(file, content);
    const items = decodeItems(content.list);
    let total = 0;
    for (const { length } of items) total += length;
    if (total !== size) throw wrongLength();
    const [item] = items;
    if (items.length === 1 && item?.id !== undefined) {
      const { id, length } = item;
      this.#turns.window().add({ type: blobType.data, id, length, file, position: 0 });
      return undefined;
    }
    const space = this.#prepare(file);
    let position = 0;
    for (const part of items) {
      this.#addPart(file, part, position, space);
      position += part.length;
    }
    space.end();
    this.#turns.window().files.push(file);
    return undefined;
  }

  /** A file whose content list lies in blobs of its own; it may go through several windows. */
  async #planLong(file: RestoredFile, content: ContentReference): Promise<void> {
    const { size } = file;
    const space = this.#prepare(file);
    let position = 0;
    try {
      for await (const part of readContentItems(this.#blobs, content)) {
        if (position + part.length > size) throw wrongLength();
        this.#addPart(file, part, position, space);
        position += part.length;
        await this.#turns.turn();
      }
      if (position !== size) throw wrongLength();
      space.end();
    } catch (error) {
      if (!isDamage(error)) throw error;
      file.error ??= error;
      file.missing += size - position;
    }
    this.#turns.window().files.push(file);
  }

  #prepare(file: RestoredFile): SpaceReservation {
    const { directory, name, update, size } = file;
    file.inParts = true;
    file.update = this.#files.prepare(directory, name, update, size);
    return new SpaceReservation((offset, length) => {
      // What an old file has lies somewhere already.
      if (!file.update) this.#files.reserve(directory, name, offset, length);
    });
  }

  #addPart(
    file: RestoredFile,
    { id, length }: ContentItem,
    position: number,
    space: SpaceReservation,
  ): void {
    if (id !== undefined) {
      space.add(position, length);
      this.#turns.window().add({ type: blobType.data, id, length, file, position });
      return;
    }
    this.#tally.counters.bytes += length;
    // What a new file does not get is a hole.
    if (!file.update) return;
    this.#files.withFile(file.directory, file.name, (fd) => {
      clearRange(fd, position, length, file.size, this.#scratch);
    });
  }
}

function decodeItems(list: Uint8Array): ContentItem[] {
  try {
    return readContentList(list);
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    throw new AppError('repository/damaged', `Its content list is damaged: ${cause.message}`, {
      cause,
    });
  }
}

function wrongLength(): AppError {
  return new AppError('repository/damaged', 'Its content is not as long as the snapshot says');
}
