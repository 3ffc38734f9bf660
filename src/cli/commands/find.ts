import { counted } from '../../base/counted.ts';
import { fitsFilter } from '../../model/snapshot-group.ts';
import { chooseSnapshot } from '../choose-snapshot.ts';
import type { CommandRun } from '../command.ts';
import { countingContext } from '../counting-context.ts';
import type { find } from '../definitions/looking.ts';
import { entryFields, entryLine } from '../entry-text.ts';
import { openView } from '../open-view.ts';
import { displayText } from '../output/display-text.ts';
import { printAll } from '../print-entries.ts';
import { snapshotFilter } from '../snapshot-filter.ts';
import { shortId, timeText } from '../snapshot-text.ts';

export const run: CommandRun<typeof find> = async (input, session) => {
  const { flags } = input;
  const { output, timeZone, workingDirectory } = session;
  const filter = snapshotFilter(flags, workingDirectory);
  await using view = await openView(input.arguments.URL, flags, session);
  const snapshots =
    flags.snapshot === undefined
      ? view.snapshots.filter(
          (snapshot) => snapshot.state === 'complete' && fitsFilter(snapshot, filter),
        )
      : [chooseSnapshot(view.snapshots, flags.snapshot, session)];
  const context = countingContext(session);
  const found = view.find(
    { snapshots, patterns: input.arguments.PATTERN, ignoreCase: flags['ignore-case'] },
    context,
  );
  let last: string | undefined;
  const count = await printAll(found, output, ({ snapshot, path, entry }) => {
    const { id, time, hostname } = snapshot;
    if (id !== last) {
      const blank = last === undefined ? '' : '\n';
      output.line(
        `${blank}Snapshot ${shortId(id)} of ${timeText(time, timeZone)}, host ${displayText(hostname)}:`,
      );
    }
    last = id;
    if (output.json) output.object({ type: 'match', snapshot: id, ...entryFields(path, entry) });
    else output.line(`  ${entryLine(path, entry, { long: flags.long, timeZone })}`);
  });
  if (count === 0) output.note(`Nothing found in ${counted(snapshots.length, 'snapshot')}`);
  return context.errors > 0 ? 13 : 0;
};
