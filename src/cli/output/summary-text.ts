import { counted } from '../../base/counted.ts';
import { formatDuration } from '../../base/duration.ts';
import { formatCount, formatRate, formatSize } from '../../base/size.ts';
import type { SummaryEvent } from '../../model/event.ts';
import { displayText } from './display-text.ts';

/** What is said at the end of an operation, in a few lines. */
export function summaryLines(summary: SummaryEvent): string[] {
  const tell = tellers[summary.operation];
  const lines = tell === undefined ? generalLines(summary) : tell(summary);
  if (summary.errors > 0 && summary.operation !== 'check') {
    lines.push(`${counted(summary.errors, 'problem')}: see above`);
  }
  if (summary.dryRun) lines.push('Nothing was changed: this was a dry run');
  return lines;
}

type Teller = (summary: SummaryEvent) => string[];

const tellers: Partial<Record<SummaryEvent['operation'], Teller>> = {
  backup(summary) {
    const { files, bytes, bytesRead, bytesAdded, dryRun, snapshot } = summary;
    const content = `${counted(files, 'file')}, ${formatSize(bytes)}`;
    if (dryRun) return [`Would back up ${content}, found ${inTime(summary)}`];
    const { filesNew, filesChanged, filesUnchanged } = summary;
    return [
      `Files: ${formatCount(filesNew)} new, ${formatCount(filesChanged)} changed, ${formatCount(filesUnchanged)} unchanged`,
      `Read ${formatSize(bytesRead)}; new, with directories, ${formatSize(bytesAdded)}, stored as ${formatSize(numberOf(summary, 'bytesStored'))}`,
      `Snapshot ${(snapshot ?? '').slice(0, 8)}: ${content}, ${inTime(summary)}`,
    ];
  },
  restore(summary) {
    const { files, bytes, bytesAdded, filesUnchanged, dryRun } = summary;
    const count = (name: string): number => numberOf(summary, name);
    const others = count('others');
    const parts = [
      counted(files, 'file'),
      ...(count('directories') > 0 ? [counted(count('directories'), 'directory')] : []),
      ...(others > 0 ? [counted(others, 'other entry')] : []),
      formatSize(bytes),
    ];
    const place = displayText(String(summary.details?.['target'] ?? ''));
    const lines = [
      `${dryRun ? 'Would restore' : 'Restored'} ${parts.join(', ')} to "${place}" ${inTime(summary)}`,
    ];
    if (filesUnchanged > 0) {
      lines.push(
        `${counted(filesUnchanged, 'file')} already there as in the snapshot; ${dryRun ? `at most ${formatSize(bytesAdded)} to write` : `${formatSize(bytesAdded)} written`}`,
      );
    }
    if (count('skipped') > 0) {
      lines.push(
        `${dryRun ? 'Would leave' : 'Left'} ${counted(count('skipped'), 'entry as it is', 'entries as they are')}, although not as in the snapshot: --overwrite wants it so`,
      );
    }
    if (count('deleted') > 0) {
      lines.push(`${dryRun ? 'Would delete' : 'Deleted'} ${counted(count('deleted'), 'entry')}`);
    }
    if (count('damaged') > 0) {
      lines.push(`${counted(count('damaged'), 'file')} not restored as a whole: content is lost`);
    }
    return lines;
  },
  check(summary) {
    const count = (name: string): number => numberOf(summary, name);
    if (summary.details?.['chains'] !== undefined) return archiveCheckLines(summary);
    const seen = `${counted(count('snapshots'), 'snapshot')}, ${counted(count('packs'), 'pack')}`;
    const all = count('packsRead') === count('packs');
    const read =
      count('packsRead') === 0
        ? 'no content was read (--read-data does that)'
        : `the content of ${all ? 'all' : formatCount(count('packsRead'))} packs (${formatSize(summary.bytesRead)}) was read`;
    const findings = count('findings');
    const verdict =
      findings === 0
        ? 'No damage found'
        : summary.errors === 0
          ? `No damage found, ${counted(findings, 'warning')}`
          : `Damage found: ${counted(summary.errors, 'error')} among ${counted(findings, 'finding')}`;
    return [`${verdict}: ${seen}; ${read}, ${inTime(summary)}`];
  },
  forget: (summary) => [
    `Forgot ${counted(numberOf(summary, 'forgotten'), 'snapshot')}, kept ${formatCount(numberOf(summary, 'kept'))}`,
  ],
  prune(summary) {
    const count = (name: string): number => numberOf(summary, name);
    const lines = [
      count('deletedPacks') + count('storedPacks') === 0
        ? `Nothing to free ${inTime(summary)}`
        : `Deleted ${counted(count('deletedPacks'), 'pack')} (${formatSize(count('deletedBytes'))}), stored ${formatCount(count('storedPacks'))} anew (${formatSize(count('storedBytes'))}) ${inTime(summary)}`,
    ];
    if (count('keptPacks') > 0) {
      lines.push(`Kept ${counted(count('keptPacks'), 'pack')} after all: see above`);
    }
    if (count('removedSnapshots') > 0) {
      lines.push(
        `Removed ${counted(count('removedSnapshots'), 'unfinished snapshot')}; the next prune frees the space`,
      );
    }
    return lines;
  },
  copy: (summary) => [
    `Copied ${counted(numberOf(summary, 'copied'), 'snapshot')}, ${counted(numberOf(summary, 'already'), 'was', 'were')} there already`,
    `Read ${formatSize(summary.bytesRead)}, stored ${formatSize(summary.bytesAdded)} ${inTime(summary)}`,
  ],
  'rebuild-index'(summary) {
    const verb = summary.dryRun ? 'Would make' : 'Made';
    return [
      `${verb} the index anew from ${counted(numberOf(summary, 'packs'), 'pack')} ${inTime(summary)}`,
    ];
  },
  repair: (summary) => [`Repaired ${counted(summary.files, 'object')} ${inTime(summary)}`],
};

/** Of an archive of duplicity's. */
function archiveCheckLines(summary: SummaryEvent): string[] {
  const { files, bytesRead, errors, details } = summary;
  const seen = `${counted(numberOf(summary, 'sets'), 'set')} in ${counted(numberOf(summary, 'chains'), 'chain')}`;
  const read =
    details?.['dataRead'] === true
      ? `the content of ${counted(files, 'file')} (${formatSize(bytesRead)}) was read`
      : 'no content was read (--read-data does that)';
  const warnings = numberOf(summary, 'warnings');
  const also = warnings === 0 ? '' : `, ${counted(warnings, 'warning')}`;
  const verdict =
    errors === 0 ? `No damage found${also}` : `Damage found: ${counted(errors, 'error')}${also}`;
  return [`${verdict}: ${seen}; ${read}, ${inTime(summary)}`];
}

function generalLines(summary: SummaryEvent): string[] {
  const lines = [`Done ${inTime(summary)}`];
  for (const [name, value] of Object.entries(summary.details ?? {})) {
    const text = typeof value === 'number' ? numberText(name, value) : String(value);
    lines.push(`${titleOf(name)}: ${displayText(text)}`);
  }
  return lines;
}

/** In bytes. */
const WORTH_A_RATE = 1024 * 1024;

/** `in 12 s (1.5 MiB/s)`; the rate where it says something. */
function inTime({ milliseconds, bytes, dryRun }: SummaryEvent): string {
  const time =
    milliseconds < 10_000 ? `${(milliseconds / 1000).toFixed(1)} s` : formatDuration(milliseconds);
  const rate =
    bytes >= WORTH_A_RATE && milliseconds >= 1000 && !dryRun
      ? ` (${formatRate((bytes * 1000) / milliseconds)})`
      : '';
  return `in ${time}${rate}`;
}

function numberOf({ details }: SummaryEvent, name: string): number {
  return Number(details?.[name] ?? 0);
}

/** `packsDeleted` → "Packs deleted". */
function titleOf(name: string): string {
  const words = name.replace(/[A-Z]/gu, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Names that speak of bytes hold bytes. */
function numberText(name: string, value: number): string {
  return /bytes/iu.test(name) ? formatSize(value) : formatCount(value);
}
