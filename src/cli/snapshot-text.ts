import { formatCount, formatSize } from '../base/size.ts';
import { localFields } from '../base/time-zone.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { displayPath, displayText, pathsFields } from './output/display-text.ts';
import type { Column, JsonRecord } from './output/output.ts';

/** What stands for a snapshot where people read it; commands take any beginning of the id from four digits on. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}

/** `2026-11-01 10:00:05` in a zone; a time that no calendar has as seconds since 1970. */
export function timeText(milliseconds: number, timeZone: string): string {
  if (Number.isNaN(new Date(milliseconds).getTime())) return `@${Math.floor(milliseconds / 1000)}`;
  const { year, month, day, hour, minute, second } = localFields(milliseconds, timeZone);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)}`;
}

/** A snapshot as one line of `--json`. */
export function snapshotRecord(snapshot: Snapshot): JsonRecord {
  const { id, time, hostname, username, paths, tags, state, stats, signer } = snapshot;
  return {
    type: 'snapshot',
    id,
    time: new Date(time).toISOString(),
    host: hostname,
    user: username,
    ...pathsFields(paths),
    tags,
    state,
    signer,
    ...(stats !== undefined && { stats: { ...stats } }),
  };
}

const columns: readonly Column[] = [
  { title: 'ID' },
  { title: 'Time' },
  { title: 'Host' },
  { title: 'Paths' },
  { title: 'Tags' },
  { title: 'Files', align: 'right' },
  { title: 'Size', align: 'right' },
  { title: 'Added', align: 'right' },
];

/** Snapshots as a table. */
export function snapshotTable(
  snapshots: readonly Snapshot[],
  timeZone: string,
): [readonly Column[], readonly string[][]] {
  return [columns, snapshots.map((snapshot) => snapshotRow(snapshot, timeZone))];
}

function snapshotRow(
  { id, time, hostname, paths, tags, state, stats }: Snapshot,
  timeZone: string,
): string[] {
  return [
    shortId(id),
    timeText(time, timeZone),
    displayText(hostname),
    paths.map(displayPath).join(', '),
    [...tags, ...(state === 'unfinished' ? ['(unfinished)'] : [])].map(displayText).join(','),
    ...(stats === undefined
      ? ['', '', '']
      : [formatCount(stats.files), formatSize(stats.bytes), formatSize(stats.bytesAdded)]),
  ];
}
