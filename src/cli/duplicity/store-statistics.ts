import type { ArchiveBackupResult } from '../../engine/archive/backup-archive.ts';
import type { DuplicityArchive } from '../../repository/duplicity/duplicity-archive.ts';
import { calendarTime } from './python-text.ts';
import type { DuplicityRun } from './run-settings.ts';

/**
 * `--jsonstat`: the statistics as one JSON object, stored beside the set and told (docs/formats/duplicity.md 15). Nothing depends on it, so that it comes after the set is complete.
 *
 * @throws what the storage throws
 */
export async function storeStatistics(
  { set, statistics, isStored }: ArchiveBackupResult,
  { context, log }: DuplicityRun,
  archive: DuplicityArchive,
  source: string,
): Promise<void> {
  const { signal, timeZone } = context;
  const time = (milliseconds: number): string => calendarTime(milliseconds / 1000, timeZone);
  const isFull = set.set === 'full';
  const name = archive.naming.make({
    ...set,
    kind: 'statistics',
    volume: undefined,
    coding: archive.coding.coding === 'openpgp' ? 'openpgp' : 'gzip',
    partial: false,
  });
  const text = JSON.stringify(
    {
      Filename: name,
      StartTime: statistics.startTime / 1000,
      StartTime_str: time(statistics.startTime),
      EndTime: statistics.endTime / 1000,
      EndTime_str: time(statistics.endTime),
      ElapsedTime: (statistics.endTime - statistics.startTime) / 1000,
      SourceFiles: statistics.sourceFiles,
      SourceFileSize: statistics.sourceFileSize,
      NewFiles: statistics.newFiles,
      NewFileSize: statistics.newFileSize,
      DeletedFiles: statistics.deletedFiles,
      ChangedFiles: statistics.changedFiles,
      ChangedFileSize: statistics.changedFileSize,
      ChangedDeltaSize: 0,
      DeltaEntries: statistics.deltaEntries,
      RawDeltaSize: statistics.rawDeltaSize,
      TotalDestinationSizeChange: statistics.totalDestinationSizeChange,
      Errors: statistics.errors,
      backup_meta: {
        action: isFull ? 'full' : 'inc',
        skipped_inc: !isStored,
        target: archive.storage.location,
        source,
      },
    },
    undefined,
    2,
  );
  log.notice(text);
  if (!isStored) return;
  const pieces: Uint8Array[] = [];
  const coding = archive.coding.coding === 'openpgp' ? 'openpgp' : 'gzip';
  {
    await using encoder = await archive.coding.encoder(
      coding,
      // What it is given may be used again.
      (piece) => void pieces.push(Uint8Array.from(piece)),
      { signal },
    );
    await encoder.write(Buffer.from(text));
    await encoder.finish();
  }
  await archive.storage.put(name, Buffer.concat(pieces), { signal });
}
