import type { SetStatistics } from '../../repository/duplicity/writer/set-statistics.ts';
import { calendarTime } from './python-text.ts';

const title = '--------------[ Backup Statistics ]--------------';

/** The block that follows a backup; docs/formats/duplicity.md 15. */
export function statisticsText(statistics: SetStatistics, timeZone: string): string {
  const {
    startTime,
    endTime,
    sourceFiles,
    sourceFileSize,
    newFiles,
    newFileSize,
    deletedFiles,
    changedFiles,
    changedFileSize,
    deltaEntries,
    rawDeltaSize,
    totalDestinationSizeChange,
    errors,
  } = statistics;
  const time = (milliseconds: number): string =>
    `${(milliseconds / 1000).toFixed(2)} (${calendarTime(milliseconds / 1000, timeZone)})`;
  const size = (bytes: number): string => `${bytes} (${byteText(bytes)})`;
  const elapsed = (endTime - startTime) / 1000;
  return [
    title,
    `StartTime ${time(startTime)}`,
    `EndTime ${time(endTime)}`,
    `ElapsedTime ${elapsed.toFixed(2)} (${intervalText(elapsed)})`,
    `SourceFiles ${sourceFiles}`,
    `SourceFileSize ${size(sourceFileSize)}`,
    `NewFiles ${newFiles}`,
    `NewFileSize ${size(newFileSize)}`,
    `DeletedFiles ${deletedFiles}`,
    `ChangedFiles ${changedFiles}`,
    `ChangedFileSize ${size(changedFileSize)}`,
    `ChangedDeltaSize 0 (0 bytes)`,
    `DeltaEntries ${deltaEntries}`,
    `RawDeltaSize ${size(rawDeltaSize)}`,
    `TotalDestinationSizeChange ${size(totalDestinationSizeChange)}`,
    `Errors ${errors}`,
    '-'.repeat(title.length),
    '',
  ].join('\n');
}

/** `9.31 KB`: three significant digits, units of 1024. */
export function byteText(bytes: number): string {
  for (const [unit, power] of [
    ['TB', 4],
    ['GB', 3],
    ['MB', 2],
    ['KB', 1],
  ] as const) {
    const value = bytes / 1024 ** power;
    if (Math.abs(value) < 1) continue;
    const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
    return `${value.toFixed(digits)} ${unit}`;
  }
  return bytes === 1 ? '1 byte' : `${bytes} bytes`;
}

/** `1 hour 2 minutes 3.00 seconds`. */
export function intervalText(seconds: number): string {
  const parts: string[] = [];
  let rest = Math.max(0, seconds);
  const hours = Math.floor(rest / 3600);
  rest -= hours * 3600;
  const minutes = Math.floor(rest / 60);
  rest -= minutes * 60;
  if (hours > 0) parts.push(hours === 1 ? '1 hour' : `${hours} hours`);
  if (minutes > 0) parts.push(minutes === 1 ? '1 minute' : `${minutes} minutes`);
  if (parts.length === 0 || rest >= 0.005) {
    parts.push(rest.toFixed(2) === '1.00' ? '1 second' : `${rest.toFixed(2)} seconds`);
  }
  return parts.join(' ');
}
