import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import { TarReader } from '../../../codec/tar/tar-reader.ts';
import type { BackupSet } from '../collection/backup-set.ts';
import type { DuplicityArchive } from '../duplicity-archive.ts';
import { compareIndex, isAtOrBelow } from '../index-order.ts';
import { parseSignatureName } from './entry-name.ts';
import type { SetStream } from './set-stream.ts';

/** What a set did to a path in a volume that is lost; `unknown` where its signatures are lost, too. */
export type LostChange = 'stored' | 'deleted' | 'unknown';

type Changes = Map<string, 'stored' | 'deleted'>;

/** What volumes had that could not be read, as the signatures of their sets tell it: without that, older states would be taken for the wanted one. */
export class LostChanges {
  readonly #archive: Pick<DuplicityArchive, 'signaturesOf'>;
  readonly #sets: readonly BackupSet[];
  readonly #streams: readonly SetStream[];
  readonly #options: CallOptions;
  /** By set: what its signatures list and nobody has asked about yet. Read when something of the set is lost. */
  readonly #lists = new Map<number, Changes | undefined>();
  #asked: Uint8Array | undefined;

  /** `streams` are those of the sets, of which some pass over volumes. */
  constructor(
    archive: Pick<DuplicityArchive, 'signaturesOf'>,
    sets: readonly BackupSet[],
    streams: readonly SetStream[],
    options: CallOptions,
  ) {
    this.#archive = archive;
    this.#sets = sets;
    this.#streams = streams;
    this.#options = options;
  }

  /** What became of a path behind one of the sets; undefined if nothing of it is lost there. To be asked of every path that the streams come to, in order. */
  async behind(set: number, path: Uint8Array): Promise<LostChange | undefined> {
    let newest: LostChange | undefined;
    for (const [at, stream] of this.#streams.entries()) {
      if (!stream.hasLosses) continue;
      const list = await this.#listOf(at);
      const change = list === undefined ? 'unknown' : list.get(keyOf(path));
      list?.delete(keyOf(path));
      if (at > set && change !== undefined && stream.isLost(path)) newest = change;
    }
    this.#asked = path;
    return newest;
  }

  /** What is lost at or below a path, but for what was asked about: no set that was read has it. */
  async rest(below: Uint8Array): Promise<Uint8Array[]> {
    const rest: Uint8Array[] = [];
    for (const [at, stream] of this.#streams.entries()) {
      if (!stream.hasLosses) continue;
      for (const [key, change] of (await this.#listOf(at)) ?? []) {
        const path = Buffer.from(key, 'latin1');
        if (change !== 'deleted' && isAtOrBelow(path, below) && stream.isLost(path))
          rest.push(path);
      }
    }
    return rest;
  }

  async #listOf(at: number): Promise<Changes | undefined> {
    if (this.#lists.has(at)) return this.#lists.get(at);
    const changes = await this.#read(this.#sets[at]!);
    this.#lists.set(at, changes);
    return changes;
  }

  async #read(set: BackupSet): Promise<Changes | undefined> {
    const changes: Changes = new Map();
    const reader = new TarReader(this.#archive.signaturesOf(set, this.#options));
    try {
      for (let tar = await reader.next(); tar !== undefined; tar = await reader.next()) {
        const name = parseSignatureName(tar.name);
        if (name === undefined) continue;
        const isAsked = this.#asked !== undefined && compareIndex(name.path, this.#asked) <= 0;
        if (isAsked) continue;
        changes.set(keyOf(name.path), name.kind === 'deleted' ? 'deleted' : 'stored');
      }
      return changes;
    } catch (error) {
      if (!hasCode(error, 'repository/damaged', 'storage/not-found')) throw error;
      return undefined;
    } finally {
      await reader.close();
    }
  }
}

function keyOf(path: Uint8Array): string {
  return Buffer.from(path).toString('latin1');
}
