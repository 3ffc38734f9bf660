import { type BackupSet, isEncrypted } from '../../repository/duplicity/collection/backup-set.ts';
import type { BackupChain } from '../../repository/duplicity/collection/chain.ts';
import type { Collection } from '../../repository/duplicity/collection/collection.ts';
import type { ChangedFile } from '../../repository/duplicity/manifest/manifest.ts';
import { shownPath } from './action-context.ts';
import { joinText, type LogText } from './log-text.ts';
import { calendarTime, compactTime } from './python-text.ts';

const rule = '-'.repeat(25);

/** What `collection-status` prints. */
export function collectionText(
  { chains, active, orphaned, incomplete, interrupted }: Collection,
  archiveDirectory: string,
  timeZone: string,
): string {
  const secondary = chains.filter((chain) => chain !== active?.chain);
  const lines = [
    'Collection Status',
    '-----------------',
    'Connecting with backend: BackendWrapper',
    `Archive dir: ${archiveDirectory}`,
    '',
    `Found ${counted(secondary.length, 'secondary backup chain')}.`,
  ];
  for (const [index, chain] of secondary.entries()) {
    lines.push(`Secondary chain ${index + 1} of ${secondary.length}:`);
    lines.push(...chainLines(chain, timeZone), '');
  }
  if (active === undefined) lines.push('No backup chains with active signatures found');
  else {
    lines.push('', 'Found primary backup chain with matching signature chain:');
    lines.push(...chainLines(active.chain, timeZone));
  }
  const unfinished = incomplete.length + interrupted.length;
  if (orphaned.length + unfinished === 0) {
    lines.push('No orphaned or incomplete backup sets found.');
  } else {
    lines.push(
      `Also found ${counted(orphaned.length, 'backup set')} not part of any chain,`,
      `and ${counted(unfinished, 'incomplete backup set')}.`,
      'These may be deleted by running duplicity with the "cleanup" command.',
    );
  }
  return lines.join('\n');
}

/** The same for programs: what stands behind the code in the machine log. */
export function collectionValues({
  chains,
  active,
  orphaned,
  incomplete,
  interrupted,
}: Collection): string {
  const secondary = chains.filter((chain) => chain !== active?.chain);
  const lines = ['', 'backend BackendWrapper', 'archive-dir (. dir)'];
  for (const [index, { sets }] of secondary.entries()) {
    lines.push(`chain-no-sig ${index}`, ...sets.map(setValues));
  }
  if (active !== undefined) lines.push('chain-complete', ...active.chain.sets.map(setValues));
  lines.push(`orphaned-sets-num ${orphaned.length}`);
  lines.push(`incomplete-sets-num ${incomplete.length + interrupted.length}`);
  return lines.join('\n');
}

function setValues(set: BackupSet): string {
  const kind = set.type === 'full' ? 'full' : 'inc';
  const coding = isEncrypted(set) ? 'enc' : 'noenc';
  return ` ${kind} ${compactTime(set.end)} ${set.volumes.size} ${coding}`;
}

function chainLines({ sets, start, end }: BackupChain, timeZone: string): string[] {
  const volumes = sets.reduce((sum, set) => sum + set.volumes.size, 0);
  return [
    rule,
    `Chain start time: ${calendarTime(start, timeZone)}`,
    `Chain end time: ${calendarTime(end, timeZone)}`,
    `Number of contained backup sets: ${sets.length}`,
    `Total number of contained volumes: ${volumes}`,
    row('Type of backup set:', 'Time:', 'Num volumes:', 17),
    ...sets.map((set) =>
      row(kindOf(set), calendarTime(set.end, timeZone), String(set.volumes.size), 17),
    ),
    rule,
  ];
}

function row(kind: string, time: string, rest: string, width: number): string {
  return `${kind.padStart(20)} ${time.padStart(32)} ${rest.padStart(width)}`;
}

function kindOf({ type }: BackupSet): string {
  return type === 'full' ? 'Full' : 'Incremental';
}

/** What `--file-changed` prints: the sets that have something new of one file. */
export function fileChangedText(
  name: LogText,
  changes: readonly { readonly set: BackupSet; readonly change: ChangedFile['change'] }[],
  timeZone: string,
): LogText {
  const rows = changes.map(({ set, change }) =>
    row(kindOf(set), calendarTime(set.end, timeZone), capitalised(change), 21),
  );
  const head = row('Type of backup set:', 'Time:', 'Type of file change:', 21);
  return joinText(
    `${rule}\nFile: `,
    name,
    `\nTotal number of backup: ${changes.length}\n`,
    [head, ...rows, rule].join('\n'),
  );
}

/** What `--show-changes-in-set` prints. */
export function changesText(
  set: BackupSet,
  files: readonly ChangedFile[],
  timeZone: string,
): LogText {
  const width = files.reduce(
    (most, { path }) => Math.max(most, lengthOf(shownPath(path))),
    'File:'.length,
  );
  const rows = files.flatMap(({ path, change }): LogText[] => [
    shownPath(path),
    `${' '.repeat(width - lengthOf(shownPath(path)))} ${change.padStart(21)}\n`,
  ]);
  return joinText(
    `${rule}\n Backup set time: ${calendarTime(set.end, timeZone)}\n`,
    `Total number of changes: ${files.length}\n`,
    `${'File:'.padEnd(width)} ${'Type of file change:'.padStart(21)}\n`,
    ...rows,
    rule,
  );
}

/** In characters, as far as they are UTF-8. */
function lengthOf(path: Uint8Array): number {
  return Array.from(Buffer.from(path).toString('utf8')).length;
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** "1 chain", "2 chains". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
