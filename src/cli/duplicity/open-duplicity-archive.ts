import path from 'node:path';

import { hasCode } from '../../base/errors.ts';
import { ArchiveDirectory } from '../../repository/duplicity/archive-directory/archive-directory.ts';
import type { BackupSet } from '../../repository/duplicity/collection/backup-set.ts';
import type { Collection } from '../../repository/duplicity/collection/collection.ts';
import { DuplicityArchive } from '../../repository/duplicity/duplicity-archive.ts';
import { FileCoding } from '../../repository/duplicity/encryption/file-coding.ts';
import { tellCollectionWarnings } from './collection-warnings.ts';
import { exitCodes, fatal } from './fatal.ts';
import { openDuplicityStorage } from './open-duplicity-storage.ts';
import { type ProtectionUse, protectionOf } from './passphrases.ts';
import { calendarTime } from './python-text.ts';
import {
  archiveDirectoryOf,
  type DuplicityRun,
  namingOf,
  tempDirectoryOf,
} from './run-settings.ts';

/** An archive that is open, and what is in it. Dispose of it. */
export interface OpenedArchive extends AsyncDisposable {
  readonly archive: DuplicityArchive;
  collection: Collection;
  /** There is not even a directory on the destination. */
  readonly isMissing: boolean;
}

export interface OpenArchiveInput {
  /** What the files are wanted for, from what there is. */
  readonly use: ProtectionUse | ((collection: Collection) => ProtectionUse);
  /** Keep other runs out. */
  readonly lock: boolean;
}

/**
 * Opens the archive at a URL: lists it once, and asks for a passphrase only after that. Says what is wrong with what there is.
 *
 * @throws AppError exit code 23 when another run uses the archive directory; what the storage throws
 */
export async function openDuplicityArchive(
  url: string,
  run: DuplicityRun,
  { use, lock }: OpenArchiveInput,
): Promise<OpenedArchive> {
  const { signal, clock } = run.context;
  const naming = namingOf(run);
  const mayMake = ['backup', 'full', 'incremental', 'replicate'].includes(run.action.name);
  const { storage, isMissing } = await openDuplicityStorage(url, run, { mayMake });
  const tempDirectory = tempDirectoryOf(run);
  const place = archiveDirectoryOf(url, run);
  run.log.info(`Using archive dir: ${place}`);
  run.log.info(`Using backup name: ${path.basename(place)}`);
  let directory: ArchiveDirectory | undefined;
  try {
    directory = await openDirectory(place, run, { lock, tempDirectory });
    const parts = { storage, naming, directory, clock, tempDirectory };
    const names = new DuplicityArchive({
      ...parts,
      coding: new FileCoding({ kind: 'none', compress: true }),
    });
    const collection = await names.collection({ signal });
    const wanted = typeof use === 'function' ? use(collection) : use;
    const coding = new FileCoding(await protectionOf(run, wanted));
    const archive = new DuplicityArchive({ ...parts, coding });
    tellCollectionWarnings(collection, run.log);
    return {
      archive,
      collection,
      get isMissing() {
        return isMissing();
      },
      [Symbol.asyncDispose]: () => archive[Symbol.asyncDispose](),
    };
  } catch (error) {
    await directory?.[Symbol.asyncDispose]();
    await storage[Symbol.asyncDispose]();
    throw error;
  }
}

async function openDirectory(
  place: string,
  run: DuplicityRun,
  { lock, tempDirectory }: { readonly lock: boolean; readonly tempDirectory: string },
): Promise<ArchiveDirectory> {
  const { signal } = run.context;
  const naming = namingOf(run);
  try {
    return await ArchiveDirectory.open(place, naming, { signal, lock });
  } catch (error) {
    if (hasCode(error, 'repository/locked')) {
      throw fatal(
        exitCodes.user,
        'Another duplicity instance is already running with this archive directory',
        { cause: error, code: 'repository/locked' },
      );
    }
    // Who only looks can do without.
    if (lock || !hasCode(error, 'local/unwritable')) throw error;
    run.log.warning(error.message);
    return ArchiveDirectory.temporary(tempDirectory, naming);
  }
}

/**
 * Brings the archive directory up to date with what the action needs, and says so in duplicity's words. With `--metadata-sync-mode full` everything is wanted.
 *
 * @throws AppError as `DuplicityArchive.synchronise`
 */
export async function synchroniseArchive(
  opened: OpenedArchive,
  run: DuplicityRun,
  sets: readonly BackupSet[],
): Promise<void> {
  const { archive, collection } = opened;
  const { log, line, context } = run;
  const { signal } = context;
  const isFull = line.options.text('metadata-sync-mode') === 'full';
  let count = 0;
  const begin = (): void => {
    if (count++ === 0) log.notice('Synchronizing remote metadata to local cache...');
  };
  if (!opened.isMissing && !line.options.has('dry-run')) {
    const { damaged } = await archive.synchronise(collection, {
      signal,
      ...(!isFull && { sets }),
      onFile: (what, { name }) => {
        begin();
        log.notice(
          what === 'fetch'
            ? `Copying ${name} to local cache.`
            : `Deleting local ${archive.directory.pathOf(name)} (not authoritative at backend).`,
        );
      },
    });
    for (const { error } of damaged) log.warning(error.message);
  }
  if (count === 0) log.notice('Local and Remote metadata are synchronized, no sync needed.');
  else {
    opened.collection = await archive.collection({ signal });
    tellCollectionWarnings(opened.collection, log);
  }
  tellLastFull(opened.collection, run);
}

/** What the metadata of sets is wanted for: nothing has to be decrypted where there are copies of all of it. */
export function useOfMetadata(sets: readonly BackupSet[]): ProtectionUse {
  const isCopied = (set: BackupSet): boolean =>
    (['manifest', 'signatures'] as const).every(
      (kind) =>
        set[kind]?.file.coding !== 'openpgp' ||
        set.local.some(({ file }) => file.kind === kind && !file.partial),
    );
  return sets.every(isCopied) ? 'names' : 'read';
}

/** `Last full backup date: …`. */
export function tellLastFull({ chains }: Collection, { log, context }: DuplicityRun): void {
  const latest = chains.reduce((most, { start }) => Math.max(most, start), -Infinity);
  const shown = latest === -Infinity ? 'none' : calendarTime(latest, context.timeZone);
  log.notice(`Last full backup date: ${shown}`);
}
