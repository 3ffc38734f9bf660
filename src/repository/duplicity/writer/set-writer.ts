import { encodeTarHeader } from '../../../codec/tar/tar-header.ts';
import type { TarEntry } from '../../../codec/tar/tar-entry.ts';
import type { Signature } from '../../../codec/rsync/signature.ts';
import type { EntrySettings, EntryTargets } from './entry-targets.ts';
import { signatureEntryName, volumeEntryName } from './entry-names.ts';
import { type BegunFile, FileWriter, type StoredFile } from './file-writer.ts';
import {
  deletedEntry,
  isSourceError,
  itemHeader,
  signatureEntryOf,
  tarEntryOf,
} from './item-entry.ts';
import type { InodeFacts } from '../extra-records.ts';
import type { SourceItem } from './source-item.ts';

/** Writes the entries of one set, which are to be given in index order: to the volumes, the signature tar, and the list of files. */
export class SetWriter {
  readonly #settings: EntrySettings;
  readonly #targets: EntryTargets;
  readonly #files: FileWriter;

  constructor(settings: EntrySettings, targets: EntryTargets) {
    this.#settings = settings;
    this.#targets = targets;
    this.#files = new FileWriter(settings, targets);
  }

  /** Stores an item whole. False if it could not be read, and nothing was stored; then that was told. */
  async snapshot(item: SourceItem, begun?: BegunFile): Promise<boolean> {
    const { statistics, files } = this.#targets;
    if (item.entry.type !== 'file') {
      if (!(await this.#object(item))) return false;
      statistics.newFiles++;
      statistics.newFileSize += sizeOfObject(item);
      statistics.sourceFileSize += sizeOfObject(item);
      statistics.deltaEntries++;
      return true;
    }
    const stored = await this.#files.whole(item, begun);
    if (stored === undefined) return false;
    this.#sign(item, stored);
    files.add({ change: 'new', path: item.path });
    statistics.newFiles++;
    statistics.newFileSize += stored.size;
    statistics.sourceFileSize += stored.size;
    statistics.rawDeltaSize += stored.stored;
    statistics.deltaEntries++;
    return true;
  }

  /** Stores how a file differs from the one with this signature. False as above. */
  async difference(item: SourceItem, old: Signature, begun?: BegunFile): Promise<boolean> {
    const { statistics, files } = this.#targets;
    const stored = await this.#files.difference(item, old, begun);
    if (stored === undefined) return false;
    this.#sign(item, stored);
    files.add({ change: 'changed', path: item.path });
    statistics.changedFiles++;
    statistics.changedFileSize += stored.size;
    statistics.sourceFileSize += stored.size;
    statistics.rawDeltaSize += stored.stored;
    statistics.deltaEntries++;
    return true;
  }

  /** Stores that something is gone. */
  async deleted(path: Uint8Array, wasFile: boolean): Promise<void> {
    const { volumes, signatures, files, statistics } = this.#targets;
    const entry = deletedEntry(volumeEntryName('deleted', path, false));
    const header = encodeTarHeader(entry);
    const volume = await volumes.begin(header.length);
    await volume.tar.room(header.length);
    volume.tar.put(header);
    volume.note({ path, block: undefined });
    signatures.add(header);
    if (wasFile) files.add({ change: 'deleted', path });
    statistics.deletedFiles++;
    statistics.deltaEntries++;
  }

  /** False if no tar can hold it. */
  async #object(item: SourceItem): Promise<boolean> {
    const { volumes, signatures } = this.#targets;
    const { extensions } = this.#settings;
    const entryFor = (name: Uint8Array): TarEntry => tarEntryOf(item, name, 0, extensions);
    let header: Uint8Array;
    let signed: Uint8Array;
    try {
      const isDirectory = item.entry.type === 'directory';
      header = itemHeader(item, entryFor(volumeEntryName('snapshot', item.path, isDirectory)));
      const entry = entryFor(signatureEntryName('snapshot', item.path));
      const inode = isDirectory ? undefined : this.#quietInode(item);
      signed = itemHeader(item, extensions ? signatureEntryOf(entry, undefined, inode) : entry);
    } catch (error) {
      if (!isSourceError(error)) throw error;
      this.#settings.onProblem(item.path, error);
      return false;
    }
    const begun = volumes.begin(header.length);
    const volume = begun instanceof Promise ? await begun : begun;
    const wait = volume.tar.room(header.length);
    if (wait !== undefined) await wait;
    volume.tar.put(header);
    volume.note({ path: item.path, block: undefined });
    signatures.add(signed);
    return true;
  }

  #sign(item: SourceItem, { signature, size, isSettled }: StoredFile): void {
    const { extensions } = this.#settings;
    const name = signatureEntryName('signature', item.path);
    const entry = tarEntryOf(item, name, signature.length, extensions);
    // What is stored is not what lies there now: the next run, whoever makes it, has to look.
    const isSure = isSettled && item.isDoubtful !== true;
    const signed = isSure ? entry : { ...entry, mtime: 0 };
    const inode = isSure ? this.#quietInode(item) : undefined;
    this.#targets.signatures.add(
      encodeTarHeader(extensions ? signatureEntryOf(signed, size, inode) : signed),
      signature,
    );
  }

  /** The inode of an item, unless it was changed so lately that another change may leave the same time, or has no time of change, as in some file systems in user space. */
  #quietInode({ inode }: SourceItem): InodeFacts | undefined {
    const changed = inode?.ctime.seconds ?? 0;
    return changed > 0 && changed < this.#settings.quietSince ? inode : undefined;
  }
}

/** Bytes that something other than a file takes in the source. */
export function sizeOfObject({ entry }: SourceItem): number {
  if (entry.type === 'file') return entry.size;
  if (entry.type === 'symlink') return entry.linkTarget?.length ?? 0;
  return entry.type === 'directory' ? entry.blocks * 512 : 0;
}
