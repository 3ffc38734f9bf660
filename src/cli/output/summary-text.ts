import { formatDuration } from '../../base/duration.ts';
import { formatCount, formatRate, formatSize } from '../../base/size.ts';
import type { SummaryEvent } from '../../model/event.ts';

/** What is said at the end of an operation, in a few lines. */
export function summaryLines(summary: SummaryEvent): string[] {
  const lines: string[] = [];
  if (summary.operation === 'backup') {
    lines.push(
      `Files: ${formatCount(summary.filesNew)} new, ${formatCount(summary.filesChanged)} changed, ${formatCount(summary.filesUnchanged)} unchanged`,
    );
  } else if (summary.files > 0) {
    lines.push(`Files: ${formatCount(summary.files)}`);
  }
  const rate =
    summary.milliseconds > 0
      ? ` (${formatRate((summary.bytes * 1000) / summary.milliseconds)})`
      : '';
  const time = `in ${formatDuration(summary.milliseconds)}`;
  if (summary.bytes > 0) {
    const would = summary.dryRun ? 'to add' : 'added';
    const added =
      summary.bytesAdded > 0 || summary.operation === 'backup'
        ? `, ${formatSize(summary.bytesAdded)} ${would}`
        : '';
    lines.push(`Data: ${formatSize(summary.bytes)}${added}, ${time}${rate}`);
  } else {
    lines.push(`Done ${time}`);
  }
  for (const [name, value] of Object.entries(summary.details ?? {})) {
    lines.push(
      `${titleOf(name)}: ${typeof value === 'number' ? numberText(name, value) : String(value)}`,
    );
  }
  if (summary.errors > 0) lines.push(`Errors: ${formatCount(summary.errors)}`);
  if (summary.dryRun) lines.push('Nothing was changed: this was a dry run');
  else if (summary.snapshot !== undefined && summary.operation === 'backup') {
    lines.push(`Snapshot ${summary.snapshot} is complete`);
  }
  return lines;
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
