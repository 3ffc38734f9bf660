import { equalBytes, toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode, messageOf } from '../../../base/errors.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import type { Access } from '../access.ts';
import { BlobNamer, type BlobType } from '../content/blob-id.ts';
import { packName } from '../objects/object-name.ts';
import {
  BlobLocator,
  type BlobCopy,
  type LocatedPack,
  type LocatorOptions,
} from './blob-locator.ts';
import type { Finding } from './finding.ts';
import { SegmentReader } from './segment-reader.ts';
import { isUnreadableObject } from './unreadable-object.ts';

/**
 * Reads blobs by id (native.md, 14.3): the next copy when one does not open or is another blob; the index anew when a pack is gone; the packs' own tables
 * when that gives nothing; and only then a blob is missing. What comes out has the id that was asked for.
 */
export class BlobReader {
  readonly locator: BlobLocator;
  readonly #access: Access;
  readonly #segments: SegmentReader;
  readonly #namer: BlobNamer;
  readonly #onFinding: (finding: Finding) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #bad = new Set<string>();
  /** Segments that the disk does not give, and why: each attempt takes a while, and many blobs may be in one. */
  readonly #unreadable = new Map<string, string>();
  /** Packs that were told of. */
  readonly #told = new Set<string>();
  /** Counts how often more became known. */
  #generation = 0;
  /** The index may say more than when it was loaded: it is old, or a pack was found gone. */
  #mayHaveMoved = true;
  #hasReadTails = false;
  #searching: Promise<void> | undefined;

  private constructor(
    access: Access,
    locator: BlobLocator,
    { onFinding = () => undefined, signal }: LocatorOptions,
  ) {
    this.locator = locator;
    this.#access = access;
    this.#segments = new SegmentReader(access, locator, { signal });
    this.#namer = new BlobNamer(access.keys.idKey);
    this.#onFinding = onFinding;
    this.#signal = signal;
  }

  /** Loads the index; list the snapshots before. `signal` ends everything this reader does. */
  static async open(access: Access, options: LocatorOptions = {}): Promise<BlobReader> {
    return new BlobReader(access, await BlobLocator.load(access, options), options);
  }

  /**
   * The bytes of a blob: a view that other blobs share, to be read only. `length` is what the reference says it has, if it says so.
   *
   * @throws AppError `repository/damaged` if no good copy exists, `repository/not-permitted` without the key, `storage/…`
   */
  async read(
    type: BlobType,
    id: Uint8Array,
    length: number | undefined,
    { signal }: CallOptions = {},
  ): Promise<Uint8Array> {
    const tried: string[] = [];
    for (;;) {
      signal?.throwIfAborted();
      const generation = this.#generation;
      const found = await this.#readKnown(type, id, length, tried);
      if (found !== undefined) return found;
      if (!(await this.#refresh(generation))) throw missing(id, tried);
    }
  }

  /** Notes that a copy is bad, so that it is not tried again, and reports it. */
  reject(copy: BlobCopy, reason: string): void {
    const key = keyOf(copy);
    if (this.#bad.has(key)) return;
    this.#bad.add(key);
    const object = packName(copy.pack.name);
    // Once for each pack: what it costs is told by the files that it is in.
    if (this.#told.has(object)) return;
    this.#told.add(object);
    this.#onFinding({
      kind: 'damaged',
      severity: 'error',
      message: `"${object}" is damaged: ${reason}`,
      object,
    });
  }

  /** Notes that a pack is not there (any more). */
  rejectPack(copy: BlobCopy): void {
    if (this.locator.markGone(copy.pack)) this.#mayHaveMoved = true;
  }

  /** Whether a failure to read is about one object alone, so that its blobs are to be read one by one (`read`). */
  isUnreadable(error: unknown): Promise<boolean> {
    return isUnreadableObject(this.#access.storage, error, { signal: this.#signal });
  }

  async #readKnown(
    type: BlobType,
    id: Uint8Array,
    length: number | undefined,
    tried: string[],
  ): Promise<Uint8Array | undefined> {
    const first = this.locator.find(id);
    if (first === undefined) return undefined;
    const bytes = await this.#readCopy(first, type, id, length, tried);
    if (bytes !== undefined) return bytes;
    for (const copy of this.locator.copiesOf(id)) {
      const other = await this.#readCopy(copy, type, id, length, tried);
      if (other !== undefined) return other;
    }
    return undefined;
  }

  async #readCopy(
    copy: BlobCopy,
    type: BlobType,
    id: Uint8Array,
    length: number | undefined,
    tried: string[],
  ): Promise<Uint8Array | undefined> {
    const key = keyOf(copy);
    const note = (): void => {
      const object = packName(copy.pack.name);
      if (!tried.includes(object)) tried.push(object);
    };
    if (this.#bad.has(key)) {
      note();
      return undefined;
    }
    try {
      const layout = this.locator.layoutOf(copy.pack);
      const { ordinal } = copy;
      const wanted = length ?? layout.lengthOf(ordinal);
      if (
        layout.typeOf(ordinal) !== type ||
        layout.lengthOf(ordinal) !== wanted ||
        !equalBytes(layout.idOf(ordinal), id)
      ) {
        throw new MalformedError(`The table says something else of blob ${toHex(id)}`);
      }
      const segment = await this.#readSegment(copy.pack, layout.segmentOf(ordinal));
      const offset = layout.offsetOf(ordinal);
      const bytes = segment.subarray(offset, offset + wanted);
      if (!equalBytes(this.#namer.nameOf(type, bytes), id)) {
        throw new MalformedError(`What is stored as blob ${toHex(id)} is something else`);
      }
      return bytes;
    } catch (error) {
      if (hasCode(error, 'storage/not-found')) this.rejectPack(copy);
      else if (error instanceof MalformedError || hasCode(error, 'storage/bad-range')) {
        this.reject(copy, messageOf(error));
      } else throw error;
      note();
      return undefined;
    }
  }

  /** @throws MalformedError also for what the disk does not give; or what the storage throws */
  async #readSegment(pack: LocatedPack, index: number): Promise<Uint8Array> {
    const key = `${pack.name}:${index}`;
    const before = this.#unreadable.get(key);
    if (before !== undefined) throw new MalformedError(before);
    try {
      return await this.#segments.read(pack, index);
    } catch (error) {
      if (!(await this.isUnreadable(error))) throw error;
      this.#unreadable.set(key, messageOf(error));
      throw new MalformedError(messageOf(error));
    }
  }

  /** Looks for new places, unless somebody has since `generation`; false when there is nothing left to look at. */
  async #refresh(generation: number): Promise<boolean> {
    if (this.#searching !== undefined) await this.#searching;
    else if (this.#generation === generation) {
      const step = this.#nextStep();
      if (step === undefined) return false;
      this.#searching = step.finally(() => {
        this.#generation++;
        this.#searching = undefined;
      });
      await this.#searching;
    }
    return true;
  }

  #nextStep(): Promise<void> | undefined {
    const options = { signal: this.#signal };
    if (this.#mayHaveMoved) {
      this.#mayHaveMoved = false;
      this.#hasReadTails = false;
      return this.locator.reload(options);
    }
    if (this.#hasReadTails) return undefined;
    this.#hasReadTails = true;
    return this.locator.addUnindexed(options);
  }
}

function keyOf({ pack, ordinal }: BlobCopy): string {
  return `${pack.name}:${ordinal}`;
}

function missing(id: Uint8Array, tried: readonly string[]): AppError {
  const where =
    tried.length === 0
      ? 'it is in no pack'
      : `no copy of it can be read from ${tried.map((name) => `"${name}"`).join(', ')}`;
  return new AppError('repository/damaged', `Blob ${toHex(id)} is missing: ${where}`, {
    hint: 'Run "holdfast check --read-data" to see all damage; a new backup stores again what still exists',
    details: { blob: toHex(id), packs: tried.join(' ') },
  });
}
