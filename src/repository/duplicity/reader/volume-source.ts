import { createHash } from 'node:crypto';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { TarReader } from '../../../codec/tar/tar-reader.ts';
import type { Storage } from '../../../storage/storage.ts';
import type { Coding, FileCoding } from '../encryption/file-coding.ts';
import type { InspectThread } from '../inspection/inspect-thread.ts';
import type { ManifestVolume } from '../manifest/manifest.ts';
import { AreaDigest } from './area-digest.ts';
import type { TemporaryArea, TemporaryStore } from './temporary-store.ts';
import type { DecodeThread } from './worker/decode-thread.ts';

/** A volume of a set: what the manifest says of it, and the file, if it is there. */
export interface VolumeSource extends ManifestVolume {
  readonly name: string | undefined;
  readonly coding: Coding;
}

/** What volumes are read with. */
export interface VolumeAccess {
  readonly storage: Storage;
  readonly coding: Pick<FileCoding, 'decode' | 'passphrase'>;
  readonly store: TemporaryStore;
  /** Many are open at once: a volume is decoded before it is used, where it is not too large, so that few decoders and processes are at work. */
  readonly decodesFirst: boolean;
  /** Decodes large volumes. */
  readonly thread: DecodeThread;
  /** Hashes them. */
  readonly inspection: InspectThread;
  /** How many pieces of 1 MiB of each of these volumes may be decoded before they are used. */
  readonly piecesAhead: number;
  /** A piece of a file's content is not needed any more when the next one is asked for. */
  readonly takesBack: boolean;
}

/** What is read of a stored volume at a time. */
const PIECE = 256 * 1024;
const SMALL_PIECE = 32 * 1024;
/** A volume that is larger, or becomes larger, is decoded while it is used. */
const MOST_DECODED_FIRST = 64 * 1024 * 1024;
/** Smaller ones are decoded sooner than they are handed to another thread. */
const LARGE = 1024 * 1024;
/** More at once take more memory than they save time. */
const MOST_IN_THREAD = 2;

/** In the order in which they are told of, and from the strongest on. */
const algorithms = ['SHA1', 'SHA256', 'SHA512', 'MD5'] as const;
const strongestFirst = ['SHA512', 'SHA256', 'SHA1', 'MD5'] as const;

/**
 * Fetches a volume and compares the strongest of its hashes in the manifest: nothing of it may be used before (docs/formats/duplicity.md 14.1). A volume without a hash that is known is taken as
 * it is, which `isChecked` tells.
 *
 * @throws AppError `repository/damaged` if the file is missing or is not the one that was written; `storage/…`, `local/unwritable`
 */
export async function fetchVolume(
  volume: VolumeSource,
  access: VolumeAccess,
  { signal }: CallOptions,
): Promise<{ readonly area: TemporaryArea; readonly isChecked: boolean }> {
  const { name, number } = volume;
  const { storage, store, inspection } = access;
  if (name === undefined) {
    throw new AppError('repository/damaged', `Volume ${number} is missing from the archive`);
  }
  const algorithm = strongestFirst.find((known) => volume.hashes.has(known));
  const area = store.area();
  using digest = algorithm && new AreaDigest(area, algorithm, inspection);
  try {
    for await (const piece of await storage.get(name, { signal })) {
      area.append(piece);
      digest?.grow();
      if (isForThread(area, volume.coding, access)) access.thread.prepare();
    }
    signal?.throwIfAborted();
    if (digest !== undefined && !isExpected(volume, algorithm!, await digest.found({ signal }))) {
      throw await mismatch(volume, area);
    }
    return { area, isChecked: digest !== undefined };
  } catch (error) {
    area[Symbol.dispose]();
    throw error;
  }
}

function isExpected({ hashes }: VolumeSource, algorithm: string, found: string): boolean {
  return found === hashes.get(algorithm)?.toLowerCase();
}

/** What is said of a volume that is not the one that was written: the first of its hashes that is not right, since others may only have that. */
async function mismatch(volume: VolumeSource, area: TemporaryArea): Promise<AppError> {
  const { name = '' } = volume;
  for (const algorithm of algorithms) {
    const expected = volume.hashes.get(algorithm);
    if (expected === undefined) continue;
    const hash = createHash(algorithm);
    for await (const piece of area.stream(PIECE)) hash.update(piece);
    const found = hash.digest('hex');
    if (isExpected(volume, algorithm, found)) continue;
    return new AppError(
      'repository/damaged',
      `"${name}" is damaged: its ${algorithm} is not the one in the manifest`,
      { details: { volume: name, mismatch: algorithm, found, expected } },
    );
  }
  return new AppError('internal', `The hash of "${name}" is another one when it is read again`);
}

/** A volume whose entries are read. */
export class OpenVolume {
  readonly tar: TarReader;
  #area: TemporaryArea;

  private constructor(tar: TarReader, area: TemporaryArea) {
    this.tar = tar;
    this.#area = area;
  }

  /** Takes over the area of a fetched volume. */
  static async open(
    { coding }: VolumeSource,
    area: TemporaryArea,
    access: VolumeAccess,
    options: CallOptions,
  ): Promise<OpenVolume> {
    try {
      const plain = access.decodesFirst ? await decoded(area, coding, access, options) : undefined;
      if (plain === undefined) {
        return new OpenVolume(new TarReader(contentOf(area, coding, access, options)), area);
      }
      area[Symbol.dispose]();
      return new OpenVolume(new TarReader(plain.stream(SMALL_PIECE)), plain);
    } catch (error) {
      area[Symbol.dispose]();
      throw error;
    }
  }

  async close(): Promise<void> {
    try {
      await this.tar.close();
    } finally {
      this.#area[Symbol.dispose]();
    }
  }
}

/** Whether a volume is decoded in a thread of its own: it is large, and no other program is needed for it as far as one can tell. */
function isForThread(
  { length }: TemporaryArea,
  coding: Coding,
  { coding: files, decodesFirst, thread }: VolumeAccess,
): coding is Exclude<Coding, 'plain'> {
  if (decodesFirst || length < LARGE || thread.active >= MOST_IN_THREAD) return false;
  return coding === 'gzip' || (coding === 'openpgp' && files.passphrase !== undefined);
}

/** What a volume holds, piece by piece. */
async function* contentOf(
  area: TemporaryArea,
  coding: Coding,
  access: VolumeAccess,
  options: CallOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { coding: files, decodesFirst, thread, piecesAhead: ahead, takesBack } = access;
  if (isForThread(area, coding, access)) {
    const task = { place: area.place, coding, passphrase: files.passphrase, ahead };
    let hasBegun = false;
    try {
      for await (const piece of thread.decode(task, { ...options, takesBack })) {
        hasBegun = true;
        yield piece;
      }
      return;
    } catch (error) {
      // Then gpg may know it.
      if (hasBegun || !hasCode(error, 'repository/unsupported')) throw error;
    }
  }
  yield* files.decode(area.stream(decodesFirst ? SMALL_PIECE : PIECE), coding, options);
}

/** What a volume holds, or undefined if that is too much. */
async function decoded(
  area: TemporaryArea,
  coding: Coding,
  { coding: files, store }: VolumeAccess,
  options: CallOptions,
): Promise<TemporaryArea | undefined> {
  if (coding === 'plain' || area.length > MOST_DECODED_FIRST) return undefined;
  const plain = store.area();
  let isWhole = false;
  try {
    for await (const piece of files.decode(area.stream(PIECE), coding, options)) {
      plain.append(piece);
      if (plain.length > MOST_DECODED_FIRST) return undefined;
    }
    isWhole = true;
    return plain;
  } finally {
    if (!isWhole) plain[Symbol.dispose]();
  }
}
