import { rm } from 'node:fs/promises';
import path from 'node:path';

import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { systemRandom } from '../../../base/random.ts';
import type { Coding } from '../encryption/file-coding.ts';
import { InspectThread } from '../inspection/inspect-thread.ts';
import type { ManifestVolume } from '../manifest/manifest.ts';
import { manifestHeader } from '../manifest/write-manifest.ts';
import type { ArchiveFileName } from '../names/file-name.ts';
import { ChangedFiles } from './changed-files.ts';
import { encodeFile } from './encode-file.ts';
import type { EntrySettings } from './entry-targets.ts';
import type { FinishedVolume } from './open-volume.ts';
import type { SetIdentity, SetPlace } from './set-place.ts';
import type { SignatureFile } from './signature-file.ts';
import { SetStatistics } from './set-statistics.ts';
import { SetWriter } from './set-writer.ts';
import { type MergeInput, type RestartPoint, writeChanges } from './source-merge.ts';
import { Spool } from './spool.ts';
import { UnfinishedSet } from './unfinished-set.ts';
import { storeChecked, VolumeUploader } from './volume-uploader.ts';
import { VolumeSequence } from './volume-sequence.ts';

/** A file system's times may be this coarse, in seconds. */
const GRANULARITY = 2;

/** What an interrupted run left that counts. */
export interface ResumedSet {
  /** Volumes that are stored and stay, from the first on. */
  readonly volumes: readonly ManifestVolume[];
  readonly restart: RestartPoint;
  /** Puts in what the run had noted down of these volumes. */
  readonly replay: (targets: {
    readonly signatures: SignatureFile;
    readonly files: ChangedFiles;
  }) => Promise<void>;
}

/** How a set is written, and of what. */
export interface SetInput
  extends
    Omit<MergeInput, 'signal' | 'comparison'>,
    Omit<EntrySettings, 'onProblem' | 'quietSince'> {
  readonly identity: SetIdentity;
  /** What the manifest says of the source. */
  readonly hostname: string | undefined;
  readonly sourcePath: Uint8Array | undefined;
  /** A volume is not longer than so many bytes. */
  readonly volumeSize: number;
  /** Volumes that are stored at once, while another one is written. */
  readonly concurrency: number;
  /** Read what is stored, before that, and compare. */
  readonly verify: boolean;
  /** Compare owners by number only. */
  readonly numericOwner: boolean;
  /** Write no set if nothing changed. */
  readonly skipIfNoChange: boolean;
  /** Do all but store anything. */
  readonly dryRun: boolean;
  /** The list of files in the manifest. */
  readonly listFiles: boolean;
  readonly onProblem: EntrySettings['onProblem'];
  /** Everything is written, and the set is about to be completed; what it throws keeps it from being so. */
  readonly beforeCommit?: () => void;
  /** A volume is complete. */
  readonly onVolume: (number: number, bytes: number) => void;
  readonly resumed: ResumedSet | undefined;
}

/** A set that was written. */
export interface WrittenSet {
  readonly statistics: SetStatistics;
  /** False when nothing had changed and nothing was to be written then, or nothing at all. */
  readonly isStored: boolean;
  readonly volumes: number;
  /** Bytes that the storage grew by. */
  readonly bytes: number;
}

/**
 * Writes a set (docs/formats/duplicity.md 12.2): volumes, signatures, and the manifest last, with which it is there. When it fails after the first volume, what an interrupted run is
 * continued with is left in the archive directory; before, nothing is left.
 *
 * @throws AppError whatever the storage, the encryption and the archive directory say; problems with single files are told to `onProblem`
 */
export async function writeSet(
  place: SetPlace,
  input: SetInput,
  options: CallOptions = {},
): Promise<WrittenSet> {
  const run = new SetRun(place, input, options);
  return run.write();
}

/** The signatures of a set as they are kept in the archive directory, and as they are stored. */
interface Signatures {
  readonly local: Spool;
  readonly stored: Spool;
}

class SetRun {
  readonly #place: SetPlace;
  readonly #input: SetInput;
  readonly #options: CallOptions;
  readonly #statistics = new SetStatistics();
  readonly #files = new ChangedFiles();
  readonly #thread = new InspectThread();
  #volumes: number;
  #bytes = 0;

  constructor(place: SetPlace, input: SetInput, options: CallOptions) {
    this.#place = place;
    this.#input = input;
    this.#options = options;
    this.#volumes = input.resumed?.volumes.length ?? 0;
  }

  async write(): Promise<WrittenSet> {
    const { clock, naming } = this.#place;
    const { identity, resumed, listFiles } = this.#input;
    this.#statistics.startTime = clock.now();
    naming.checkForWriting();
    using unfinished = new UnfinishedSet(
      this.#place.archiveDirectory,
      naming,
      identity,
      manifestHeader(this.#input),
      resumed?.volumes ?? [],
    );
    await using thread = this.#thread;
    await using uploader = new VolumeUploader(
      { ...this.#place, ...this.#input, thread, replace: resumed !== undefined },
      this.#options,
    );
    await resumed?.replay({ signatures: unfinished.signatures, files: this.#files });
    await this.#writeVolumes(unfinished, uploader);
    this.#statistics.endTime = clock.now();
    const isEmpty = this.#input.skipIfNoChange && this.#statistics.deltaEntries === 0;
    if (this.#input.dryRun || (isEmpty && resumed === undefined)) return this.#result(false);
    using spools = new DisposableStack();
    const signatures = this.#encodeSignatures(unfinished.finishSignatures(), spools);
    // Whichever fails, the other is waited for: both use what is disposed of then.
    await Promise.allSettled([signatures, uploader.finish()]);
    await uploader.finish();
    this.#input.beforeCommit?.();
    unfinished.finishManifest((listFiles ? this.#files : new ChangedFiles()).encode());
    await this.#commit(unfinished, await signatures, spools);
    return this.#result(true);
  }

  async #writeVolumes(unfinished: UnfinishedSet, uploader: VolumeUploader): Promise<void> {
    const { dryRun, resumed, onVolume, skipIfNoChange } = this.#input;
    const store = async (volume: FinishedVolume): Promise<void> => {
      this.#volumes = volume.number;
      this.#bytes += volume.body.size;
      this.#statistics.totalDestinationSizeChange += volume.body.size;
      onVolume(volume.number, volume.body.size);
      if (dryRun) {
        volume.body[Symbol.dispose]();
        return;
      }
      unfinished.addVolume(volume);
      await uploader.add(volume, this.#name('volume', volume.coding, volume.number));
    };
    await using volumes = new VolumeSequence(
      { ...this.#place, volumeSize: this.#input.volumeSize, thread: this.#thread },
      this.#volumes + 1,
      store,
      this.#options,
    );
    const writer = new SetWriter(
      {
        ...this.#input,
        quietSince: Math.floor(this.#statistics.startTime / 1000) - GRANULARITY,
        onProblem: this.#problem,
      },
      {
        volumes,
        signatures: unfinished.signatures,
        files: this.#files,
        statistics: this.#statistics,
      },
    );
    const merge: MergeInput = {
      ...this.#input,
      comparison: { ...this.#input, since: this.#input.identity.start },
      signal: this.#options.signal,
    };
    await writeChanges(merge, writer, this.#statistics, resumed?.restart);
    await volumes.finish(resumed !== undefined || skipIfNoChange);
  }

  /** Encodes the signatures, for here and for there. */
  async #encodeSignatures(file: string, spools: DisposableStack): Promise<Signatures> {
    const { coding } = this.#place.coding;
    const local = this.#encode(file, 'gzip', spools);
    const stored = coding === 'gzip' ? local : this.#encode(file, coding, spools);
    await Promise.allSettled([local, stored]);
    return { local: await local, stored: await stored };
  }

  /** Stores the signatures and then the manifest. */
  async #commit(
    unfinished: UnfinishedSet,
    signatures: Signatures,
    spools: DisposableStack,
  ): Promise<void> {
    const { archiveDirectory, coding, naming } = this.#place;
    const { identity } = this.#input;
    const local = path.join(archiveDirectory, `holdfast-${toHex(systemRandom(8))}.unfinished-3`);
    try {
      await signatures.local.saveAs(local);
      await this.#store('signatures', signatures.stored, coding.coding);
      // Manifests are encrypted, but never compressed.
      const plainOrNot: Coding = coding.coding === 'openpgp' ? 'openpgp' : 'plain';
      const manifest = await this.#encode(unfinished.manifestPath, plainOrNot, spools);
      await this.#store('manifest', manifest, plainOrNot);
      unfinished.commit(local, naming, identity);
    } catch (error) {
      await rm(local, { force: true });
      throw error;
    }
  }

  async #encode(file: string, as: Coding, spools: DisposableStack): Promise<Spool> {
    const { coding, tempDirectory } = this.#place;
    const { verify } = this.#input;
    const body = spools.use(new Spool(tempDirectory));
    await encodeFile(file, { coding, thread: this.#thread, as, body, verify }, this.#options);
    return body;
  }

  async #store(kind: 'signatures' | 'manifest', body: Spool, coding: Coding): Promise<void> {
    const { storage, clock } = this.#place;
    await storeChecked(storage, this.#name(kind, coding, undefined), body, clock, {
      ...this.#options,
      ifAbsent: this.#input.resumed === undefined,
    });
    this.#bytes += body.size;
  }

  #name(kind: ArchiveFileName['kind'], coding: Coding, volume: number | undefined): string {
    const { identity } = this.#input;
    return this.#place.naming.make({ ...identity, kind, volume, coding, partial: false });
  }

  readonly #problem: EntrySettings['onProblem'] = (where, error) => {
    this.#statistics.errors++;
    this.#input.onProblem(where, error);
  };

  #result(isStored: boolean): WrittenSet {
    return {
      statistics: this.#statistics,
      isStored,
      volumes: isStored ? this.#volumes : 0,
      bytes: isStored ? this.#bytes : 0,
    };
  }
}
