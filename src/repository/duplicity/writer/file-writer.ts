import { createHash, type Hash } from 'node:crypto';

import { equalBytes } from '../../../base/bytes.ts';
import { AppError } from '../../../base/errors.ts';
import { quotePath } from '../../../base/posix/system-error.ts';
import { DeltaEncoder } from '../../../codec/rsync/delta.ts';
import { Signature, SignatureBuilder } from '../../../codec/rsync/signature.ts';
import { TAR_BLOCK } from '../../../codec/tar/tar-entry.ts';
import { DeltaBlocks } from './delta-blocks.ts';
import { blockEntryName, volumeEntryName } from './entry-names.ts';
import { isSourceError, itemHeader, tarEntryOf } from './item-entry.ts';
import type { EntrySettings, EntryTargets } from './entry-targets.ts';
import type { ItemContent, SourceItem } from './source-item.ts';

/** Content and differences are cut into entries of so many bytes (docs/formats/duplicity.md 6.3); other programs rely on it. */
export const CONTENT_BLOCK = 65_536;

/** Room for a header that turns out longer than was thought. */
const HEADER_SLACK = 4 * TAR_BLOCK;
/** A file is read again if it changed meanwhile and nothing of it was written yet. */
const ATTEMPTS = 2;
/** Bytes of a file that are compared at a time. */
const READ = 256 * 1024;

/** A file whose first blocks were written by an interrupted run. */
export interface BegunFile {
  readonly blocks: number;
  /** Whether a digest of these blocks of what is read now is that of the blocks that were written. */
  readonly isSame: (digest: string) => boolean | Promise<boolean>;
}

/** What became of a file. */
export interface StoredFile {
  /** Of exactly what was stored. */
  readonly signature: Uint8Array;
  /** Bytes of the content that was stored. */
  readonly size: number;
  /** Bytes in the volumes. */
  readonly stored: number;
  /** Whether it was one version of the file, and all of it. */
  readonly isSettled: boolean;
}

/** Thrown when the begun file is not what it was when its first blocks were written. */
export class BegunFileChanged extends AppError {
  readonly path: Uint8Array;

  constructor(path: Uint8Array) {
    super(
      'source/changed',
      `${quotePath(path)} changed since an interrupted backup began to store it`,
    );
    this.path = path;
  }
}

/** What is read of a file is told to all of these. */
class Progress {
  readonly builder: SignatureBuilder;
  size = 0;
  stored = 0;
  /** Blocks that are written, those of an earlier run included. */
  blocks = 0;
  failure: AppError | undefined;
  #begun: Hash | undefined;

  constructor(builder: SignatureBuilder) {
    this.builder = builder;
  }

  /** Of the blocks, for whoever has to go on here; files of one block need none. */
  get begun(): Hash {
    return (this.#begun ??= createHash('sha1'));
  }
}

/** Stores the contents of files: the hot path of a backup. Reading, signing and copying are synchronous; it waits for full encoders only. */
export class FileWriter {
  readonly #settings: EntrySettings;
  readonly #targets: EntryTargets;

  constructor(settings: EntrySettings, targets: EntryTargets) {
    this.#settings = settings;
    this.#targets = targets;
  }

  /** Stores a file whole. Undefined if it could not be read and nothing was stored, which was told then. */
  whole(item: SourceItem, begun?: BegunFile): Promise<StoredFile | undefined> {
    return this.#guarded(item, begun, (content, size, retry) =>
      this.#storeWhole(item, content, size, retry, begun),
    );
  }

  /** Stores how a file differs from the one whose signature this is. */
  difference(item: SourceItem, old: Signature, begun?: BegunFile): Promise<StoredFile | undefined> {
    return this.#guarded(item, begun, (content, size, retry) =>
      this.#storeDifference(item, content, size, retry, old, begun),
    );
  }

  async #guarded(
    item: SourceItem,
    begun: BegunFile | undefined,
    store: (
      content: ItemContent,
      size: number,
      mayRetry: boolean,
    ) => Promise<StoredFile | undefined>,
  ): Promise<StoredFile | undefined> {
    const { onProblem } = this.#settings;
    let { size } = item.entry;
    for (let attempt = 1; ; attempt++) {
      let content: ItemContent;
      try {
        const opened = item.open();
        content = opened instanceof Promise ? await opened : opened;
      } catch (error) {
        if (begun !== undefined && isSourceError(error)) throw new BegunFileChanged(item.path);
        if (!isSourceError(error)) throw error;
        onProblem(item.path, error);
        return undefined;
      }
      try {
        const stored = await store(content, size, attempt < ATTEMPTS);
        if (stored !== undefined) return stored;
        // It may have grown by any length.
        size = Math.max(size, CONTENT_BLOCK);
      } catch (error) {
        if (!isSourceError(error) || error instanceof BegunFileChanged) throw error;
        onProblem(item.path, error);
        return undefined;
      } finally {
        content[Symbol.dispose]();
      }
    }
  }

  /** Undefined if it is to be tried again: nothing was written then. */
  async #storeWhole(
    item: SourceItem,
    content: ItemContent,
    size: number,
    mayRetry: boolean,
    begun: BegunFile | undefined,
  ): Promise<StoredFile | undefined> {
    const progress = this.#start(item, size);
    const { builder } = progress;
    let signature: Uint8Array | undefined;
    try {
      if (begun !== undefined) await this.#skipWhole(item, content, progress, begun);
      for (let isLast = false; !isLast;) {
        const expected = Math.min(CONTENT_BLOCK, Math.max(0, size - progress.size));
        // One byte more than there should be tells whether the file ends there.
        const wanted = Math.min(CONTENT_BLOCK, expected + 1);
        const guess = this.#header(
          item,
          'snapshot',
          progress.blocks,
          expected,
          expected < CONTENT_BLOCK,
        );
        const needed = guess.length + HEADER_SLACK + wanted + TAR_BLOCK;
        const opened = this.#targets.volumes.begin(
          needed,
          progress.blocks > 0 ? progress.begun : undefined,
        );
        const volume = opened instanceof Promise ? await opened : opened;
        const { tar } = volume;
        const wait = tar.room(needed);
        if (wait !== undefined) await wait;
        const at = tar.offset + guess.length;
        const reading = this.#read(content, tar.bytes, at, wanted, progress);
        const count = reading instanceof Promise ? await reading : reading;
        isLast = count < CONTENT_BLOCK;
        const bytes = tar.bytes.subarray(at, at + count);
        builder.update(bytes);
        if (isLast && progress.blocks === 0) {
          if (progress.failure !== undefined) throw progress.failure;
          const isWhole = content.isUnchanged?.() !== false && (count < wanted || wanted === 0);
          if (!isWhole && mayRetry) return undefined;
        } else progress.begun.update(bytes);
        let header = guess;
        if (count !== expected || isLast !== expected < CONTENT_BLOCK) {
          header = this.#header(item, 'snapshot', progress.blocks, count, isLast);
          const shift = header.length - guess.length;
          if (shift !== 0) tar.bytes.copyWithin(at + shift, at, at + count);
        }
        tar.put(header);
        tar.advance(count);
        volume.note({ path: item.path, block: isLast ? undefined : progress.blocks + 1 });
        progress.blocks++;
        progress.size += count;
        progress.stored += count;
      }
      signature = builder.finish();
    } finally {
      if (signature === undefined) builder.finish();
    }
    return this.#outcome(item, content, progress, signature);
  }

  /** Reads past the blocks that are stored already. */
  async #skipWhole(
    item: SourceItem,
    content: ItemContent,
    progress: Progress,
    begun: BegunFile,
  ): Promise<void> {
    const bytes = new Uint8Array(CONTENT_BLOCK);
    for (let block = 0; block < begun.blocks; block++) {
      const count = await this.#read(content, bytes, 0, CONTENT_BLOCK, progress);
      if (count < CONTENT_BLOCK) throw new BegunFileChanged(item.path);
      progress.builder.update(bytes);
      progress.begun.update(bytes);
      progress.size += count;
      progress.blocks++;
    }
    if (!(await begun.isSame(progress.begun.copy().digest('hex'))))
      throw new BegunFileChanged(item.path);
  }

  async #storeDifference(
    item: SourceItem,
    content: ItemContent,
    size: number,
    mayRetry: boolean,
    old: Signature,
    begun: BegunFile | undefined,
  ): Promise<StoredFile | undefined> {
    const progress = this.#start(item, size);
    const { builder } = progress;
    const blocks = new DeltaBlocks(CONTENT_BLOCK);
    const encoder = new DeltaEncoder(old, (piece) => blocks.put(piece));
    let signature: Uint8Array | undefined;
    let isEncoded = false;
    try {
      for (let isLast = false; !isLast;) {
        const wanted = Math.min(READ, Math.max(1, size - progress.size + 1));
        const bytes = new Uint8Array(wanted);
        const count = await this.#read(content, bytes, 0, wanted, progress);
        isLast = count < wanted || (count === 0 && wanted > 0);
        const read = bytes.subarray(0, count);
        builder.update(read);
        encoder.update(read);
        progress.size += count;
        await this.#writeBlocks(item, blocks, progress, begun);
      }
      isEncoded = true;
      encoder.finish();
      await this.#writeBlocks(item, blocks, progress, begun);
      if (progress.blocks === 0) {
        if (progress.failure !== undefined) throw progress.failure;
        if (content.isUnchanged?.() === false && mayRetry) return undefined;
      }
      if (begun !== undefined && progress.blocks < begun.blocks)
        throw new BegunFileChanged(item.path);
      await this.#writeBlock(item, blocks.rest(), true, progress);
      signature = builder.finish();
    } finally {
      if (!isEncoded) encoder.finish();
      if (signature === undefined) builder.finish();
    }
    return this.#outcome(item, content, progress, signature);
  }

  async #writeBlocks(
    item: SourceItem,
    blocks: DeltaBlocks,
    progress: Progress,
    begun: BegunFile | undefined,
  ): Promise<void> {
    for (let block = blocks.take(); block !== undefined; block = blocks.take()) {
      if (begun === undefined || progress.blocks >= begun.blocks) {
        await this.#writeBlock(item, block, false, progress);
        continue;
      }
      progress.begun.update(block);
      progress.blocks++;
      if (progress.blocks < begun.blocks) continue;
      if (!(await begun.isSame(progress.begun.copy().digest('hex'))))
        throw new BegunFileChanged(item.path);
    }
  }

  async #writeBlock(
    item: SourceItem,
    block: Uint8Array,
    isLast: boolean,
    progress: Progress,
  ): Promise<void> {
    const header = this.#header(item, 'diff', progress.blocks, block.length, isLast);
    const needed = header.length + block.length + TAR_BLOCK;
    const volume = await this.#targets.volumes.begin(
      needed,
      progress.blocks > 0 ? progress.begun : undefined,
    );
    const { tar } = volume;
    await tar.room(needed);
    tar.put(header);
    tar.bytes.set(block, tar.offset);
    tar.advance(block.length);
    volume.note({ path: item.path, block: isLast ? undefined : progress.blocks + 1 });
    if (!isLast) progress.begun.update(block);
    progress.blocks++;
    progress.stored += block.length;
  }

  #start({ signature }: SourceItem, size: number): Progress {
    const builder = new SignatureBuilder(
      signature === undefined
        ? { blockLength: this.#settings.blockLength(size) }
        : Signature.parse(signature),
    );
    return new Progress(builder);
  }

  /** Reads; what fails after something was written ends the file there, and is kept. */
  #read(
    content: ItemContent,
    buffer: Uint8Array,
    offset: number,
    length: number,
    progress: Progress,
  ): number | Promise<number> {
    const failed = (error: unknown): number => {
      if (!isSourceError(error)) throw error;
      progress.failure = error;
      return 0;
    };
    try {
      const reading = content.readInto(buffer, offset, length);
      return reading instanceof Promise ? reading.catch(failed) : reading;
    } catch (error) {
      return failed(error);
    }
  }

  #header(
    item: SourceItem,
    prefix: 'snapshot' | 'diff',
    blocksBefore: number,
    size: number,
    isLast: boolean,
  ): Uint8Array {
    const isOnly = blocksBefore === 0 && isLast;
    const name = isOnly
      ? volumeEntryName(prefix, item.path, false)
      : blockEntryName(prefix, item.path, blocksBefore + 1);
    // The records stand where the file begins: they may be long.
    const withRecords = this.#settings.extensions && blocksBefore === 0;
    return itemHeader(item, tarEntryOf(item, name, size, withRecords));
  }

  #outcome(
    item: SourceItem,
    content: ItemContent,
    { size, stored, failure }: Progress,
    signature: Uint8Array,
  ): StoredFile {
    const { onProblem } = this.#settings;
    if (item.signature !== undefined && !equalBytes(item.signature, signature)) {
      const message = `The content of ${quotePath(item.path)} is not what its signature says`;
      throw new AppError('repository/damaged', message);
    }
    const isSettled = failure === undefined && content.isUnchanged?.() !== false;
    if (failure !== undefined) onProblem(item.path, failure);
    else if (!isSettled) onProblem(item.path, changedMeanwhile(item.path));
    return { signature, size, stored, isSettled };
  }
}

function changedMeanwhile(path: Uint8Array): AppError {
  return new AppError(
    'source/changed',
    `${quotePath(path)} changed while it was read: what is stored may be a mixture`,
    { hint: 'The next backup stores it again' },
  );
}
