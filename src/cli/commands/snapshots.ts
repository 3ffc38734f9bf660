import { formatCount, formatSize } from '../../base/size.ts';
import { fitsFilter, snapshotGroups } from '../../model/snapshot-group.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import type { CommandRun } from '../command.ts';
import type { snapshots } from '../definitions/looking.ts';
import { openView } from '../open-view.ts';
import { snapshotFilter } from '../snapshot-filter.ts';
import { snapshotRecord, snapshotTable } from '../snapshot-text.ts';

export const run: CommandRun<typeof snapshots> = async (input, session) => {
  const { flags } = input;
  const { output, timeZone } = session;
  const filter = snapshotFilter(flags, session.workingDirectory);
  await using view = await openView(input.arguments.URL, flags, session, 'snapshots');
  const fitting = view.snapshots.filter((snapshot) => fitsFilter(snapshot, filter));
  const shown = flags.latest === undefined ? fitting : newestOf(fitting, flags.latest);
  for (const snapshot of shown) output.object(snapshotRecord(snapshot));
  output.table(...snapshotTable(shown, timeZone));
  output.note(shown.length === 0 ? 'No snapshots' : totalLine(shown));
  return view.isDamaged ? 13 : 0;
};

/** The newest of each group, in the order they were in. */
function newestOf(all: readonly Snapshot[], count: number): Snapshot[] {
  const newest = new Set(
    snapshotGroups(all).flatMap(({ snapshots: members }) => members.slice(0, count)),
  );
  return all.filter((snapshot) => newest.has(snapshot));
}

function totalLine(shown: readonly Snapshot[]): string {
  const added = shown.reduce((sum, { stats }) => sum + (stats?.bytesAdded ?? 0), 0);
  const what = shown.length === 1 ? '1 snapshot' : `${formatCount(shown.length)} snapshots`;
  return shown.some(({ stats }) => stats !== undefined)
    ? `${what}, ${formatSize(added)} added by them`
    : what;
}
