import { createHash } from 'node:crypto';

import { concatBytes } from '../../base/bytes.ts';
import type { CallOptions } from '../../base/call-options.ts';
import { AppError } from '../../base/errors.ts';
import {
  type ArchiveFile,
  type BackupSet,
  setKey,
} from '../../repository/duplicity/collection/backup-set.ts';
import type { Collection } from '../../repository/duplicity/collection/collection.ts';
import { requireVolumes } from '../../repository/duplicity/collection/cross-check.ts';
import type { DuplicityArchive } from '../../repository/duplicity/duplicity-archive.ts';
import type { Coding } from '../../repository/duplicity/encryption/file-coding.ts';
import type { Manifest, ManifestVolume } from '../../repository/duplicity/manifest/manifest.ts';
import {
  manifestFile,
  manifestFileListHead,
  manifestHeader,
  manifestVolume,
} from '../../repository/duplicity/manifest/write-manifest.ts';
import { Spool } from '../../repository/duplicity/writer/spool.ts';
import { storeChecked } from '../../repository/duplicity/writer/volume-uploader.ts';
import type { OperationContext } from '../operation.ts';

export interface ReplicateInput {
  readonly from: DuplicityArchive;
  readonly to: DuplicityArchive;
  /** What `to` holds already. */
  readonly present: Collection;
  /** The sets to copy, those that others build upon first. */
  readonly sets: readonly BackupSet[];
  /** A file is about to be copied. */
  readonly onFile: (name: string) => void;
}

/**
 * Copies sets to another archive, each file decoded and encoded anew as the other archive's are: that is how one changes passphrases, keys and compression. Files are compared with the hashes in
 * the manifest before they are copied, and the manifest comes last, with new hashes. Sets that the other archive has are passed over, so that an interrupted copy goes on where it ended.
 *
 * @returns how many sets were copied
 * @throws AppError `repository/damaged` for a file that is not the one that was written or is missing; `repository/wrong-passphrase`, `storage/…`, `local/unwritable`
 */
export async function replicateArchive(
  input: ReplicateInput,
  { signal }: Pick<OperationContext, 'signal'>,
): Promise<number> {
  const { chains, orphaned } = input.present;
  const there = new Set(
    [...chains.flatMap(({ sets, superseded }) => [...sets, ...superseded]), ...orphaned].map(
      (set) => setKey(set),
    ),
  );
  let count = 0;
  for (const set of input.sets) {
    if (there.has(setKey(set))) continue;
    await new SetCopy(input, set, { signal }).run();
    count++;
  }
  return count;
}

class SetCopy {
  readonly #input: ReplicateInput;
  readonly #set: BackupSet;
  readonly #options: CallOptions;

  constructor(input: ReplicateInput, set: BackupSet, options: CallOptions) {
    this.#input = input;
    this.#set = set;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { from, to } = this.#input;
    to.naming.checkForWriting();
    let files = 0;
    const manifest = await from.manifestOf(this.#set, {
      ...this.#options,
      onFile: () => void files++,
    });
    const { volumes } = manifest;
    requireVolumes(
      this.#set,
      volumes.map(({ number }) => number),
    );
    const copied: ManifestVolume[] = [];
    for (const volume of volumes) {
      const file = this.#set.volumes.get(volume.number)!;
      const hashes = await this.#copy(file, to.coding.coding, volume);
      copied.push({ ...volume, hashes });
    }
    const { signatures } = this.#set;
    if (signatures !== undefined) await this.#copy(signatures, to.coding.coding, undefined);
    await this.#storeManifest(manifest, copied, files);
  }

  /** Copies a file; gives the hashes of what was stored. */
  async #copy(
    file: ArchiveFile,
    coding: Coding,
    volume: ManifestVolume | undefined,
  ): Promise<ReadonlyMap<string, string>> {
    const { from, onFile } = this.#input;
    onFile(file.name);
    using stored = new Spool(from.tempDirectory);
    const sums = ['SHA256', 'SHA1', 'MD5'].flatMap((algorithm) => {
      const expected = volume?.hashes.get(algorithm);
      return expected === undefined ? [] : [{ expected, hash: createHash(algorithm), algorithm }];
    });
    for await (const piece of await from.storage.get(file.name, this.#options)) {
      for (const { hash } of sums) hash.update(piece);
      stored.write(Uint8Array.from(piece));
    }
    for (const { algorithm, expected, hash } of sums) {
      if (hash.digest('hex') === expected) continue;
      throw new AppError(
        'repository/damaged',
        `"${file.name}" is damaged: its ${algorithm} is not the one in the manifest`,
        { details: { volume: file.name, mismatch: algorithm } },
      );
    }
    const plain = from.coding.decode(stored.stream(), file.file.coding, this.#options);
    return await this.#store(file.file, plain, coding);
  }

  async #storeManifest(
    manifest: Manifest,
    volumes: readonly ManifestVolume[],
    files: number,
  ): Promise<void> {
    const { from, to, onFile } = this.#input;
    const set = this.#set;
    const original = set.manifest!;
    onFile(original.name);
    using plain = new Spool(to.tempDirectory);
    plain.write(
      concatBytes(
        manifestHeader(manifest),
        ...manifest.otherLines.flatMap((line) => [line, Buffer.from('\n')]),
        ...volumes.map(manifestVolume),
        manifestFileListHead(files),
      ),
    );
    await from.manifestOf(set, {
      ...this.#options,
      onFile: (file) => plain.write(manifestFile(file)),
    });
    const coding = to.coding.coding === 'openpgp' ? 'openpgp' : 'plain';
    await this.#store(original.file, plain.stream(), coding);
  }

  async #store(
    file: ArchiveFile['file'],
    plain: AsyncIterable<Uint8Array>,
    coding: Coding,
  ): Promise<ReadonlyMap<string, string>> {
    const { to } = this.#input;
    const sha1 = createHash('sha1');
    const sha256 = createHash('sha256');
    using body = new Spool(to.tempDirectory);
    {
      await using encoder = await to.coding.encoder(
        coding,
        (piece) => {
          sha1.update(piece);
          sha256.update(piece);
          body.write(piece);
        },
        this.#options,
      );
      for await (const piece of plain) await encoder.write(piece);
      await encoder.finish();
    }
    const name = to.naming.make({ ...file, coding });
    await storeChecked(to.storage, name, body, to.clock, this.#options);
    return new Map([
      ['SHA1', sha1.digest('hex')],
      ['SHA256', sha256.digest('hex')],
    ]);
  }
}
