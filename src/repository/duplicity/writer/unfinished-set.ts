import { closeSync, constants, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';

import { concatBytes, toHex } from '../../../base/bytes.ts';
import { systemRandom } from '../../../base/random.ts';
import type { ManifestVolume } from '../manifest/manifest.ts';
import { manifestVolume } from '../manifest/write-manifest.ts';
import type { ArchiveFileName, FileNaming } from '../names/file-name.ts';
import { AppendedFile } from './appended-file.ts';
import type { SetIdentity } from './set-place.ts';
import { SignatureFile, unwritable } from './signature-file.ts';

/**
 * The local files of a set while it is made (docs/formats/duplicity.md 12.2): from the first volume on they are called `.part`, and with them an interrupted run is continued, by us or by
 * the real program. Before, there is nothing to continue, and they have names that mean nothing to anybody.
 */
export class UnfinishedSet implements Disposable {
  readonly signatures: SignatureFile;
  readonly #manifest: AppendedFile;
  readonly #directory: string;
  readonly #names: { readonly signatures: string; readonly manifest: string };
  readonly #temporary: { readonly signatures: string; readonly manifest: string };
  #isPublished: boolean;
  #isOver = false;

  /**
   * @param header the first lines of the manifest
   * @param kept the volumes of an interrupted run that stay
   * @throws AppError `local/unwritable`
   */
  constructor(
    directory: string,
    naming: FileNaming,
    identity: SetIdentity,
    header: Uint8Array,
    kept: readonly ManifestVolume[],
  ) {
    this.#directory = directory;
    this.#names = {
      signatures: localPath(directory, naming, identity, 'signatures', true),
      manifest: localPath(directory, naming, identity, 'manifest', true),
    };
    const token = path.join(directory, `holdfast-${toHex(systemRandom(8))}`);
    this.#temporary = { signatures: `${token}.unfinished-1`, manifest: `${token}.unfinished-2` };
    this.#isPublished = false;
    this.signatures = new SignatureFile(this.#temporary.signatures);
    try {
      this.#manifest = new AppendedFile(this.#temporary.manifest);
      this.#manifest.append(concatBytes(header, ...kept.map(manifestVolume)));
    } catch (error) {
      this.signatures[Symbol.dispose]();
      rmSync(this.#temporary.signatures, { force: true });
      throw error;
    }
  }

  /** Where the signature tar is. */
  get signaturePath(): string {
    return this.#isPublished ? this.#names.signatures : this.#temporary.signatures;
  }

  /** Where the manifest is. */
  get manifestPath(): string {
    return this.#isPublished ? this.#names.manifest : this.#temporary.manifest;
  }

  /** A volume is complete: what belongs to it survives a power cut when this returns, and the volume may be stored. */
  addVolume(volume: ManifestVolume): void {
    this.signatures.settle();
    this.#manifest.append(manifestVolume(volume));
    this.publish();
  }

  /** Gives the files the names under which an interrupted run is found. */
  publish(): void {
    if (this.#isPublished) return;
    // The manifest comes last: without it the other one means nothing.
    renameDurably(this.#temporary.signatures, this.#names.signatures);
    renameDurably(this.#temporary.manifest, this.#names.manifest);
    this.#isPublished = true;
  }

  /** Ends the signatures: there are no more entries. Gives where they are. */
  finishSignatures(): string {
    this.signatures.finish();
    return this.signaturePath;
  }

  /** Ends the manifest. */
  finishManifest(fileList: Uint8Array): void {
    this.#manifest.append(fileList);
    this.#manifest[Symbol.dispose]();
  }

  /** The set is stored: `signatures` is the local copy of its signatures, which gets its name now, as the manifest does. */
  commit(signatures: string, naming: FileNaming, identity: SetIdentity): void {
    const of = (kind: 'manifest' | 'signatures'): string =>
      localPath(this.#directory, naming, identity, kind, false);
    renameDurably(signatures, of('signatures'));
    renameDurably(this.manifestPath, of('manifest'));
    rmSync(this.signaturePath, { force: true });
    this.#isOver = true;
    if (this.#isPublished) return;
    // Those of the interrupted run, of which nothing more was to be done.
    rmSync(this.#names.signatures, { force: true });
    rmSync(this.#names.manifest, { force: true });
  }

  [Symbol.dispose](): void {
    this.signatures[Symbol.dispose]();
    this.#manifest[Symbol.dispose]();
    if (this.#isPublished || this.#isOver) return;
    this.#isOver = true;
    rmSync(this.#temporary.signatures, { force: true });
    rmSync(this.#temporary.manifest, { force: true });
  }
}

/** A file of the archive directory: signatures compressed, everything else plain, parts always plain (docs/formats/duplicity.md 12.1). */
export function localPath(
  directory: string,
  naming: FileNaming,
  identity: SetIdentity,
  kind: 'manifest' | 'signatures',
  partial: boolean,
): string {
  const coding = kind === 'signatures' && !partial ? 'gzip' : 'plain';
  const name: ArchiveFileName = { ...identity, kind, volume: undefined, coding, partial };
  return path.join(directory, naming.make(name));
}

/** Renames so that it survives a power cut. */
function renameDurably(from: string, to: string): void {
  try {
    renameSync(from, to);
    const fd = openSync(path.dirname(to), constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    throw unwritable(to, cause);
  }
}
