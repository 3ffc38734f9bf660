import { splitSnapshotPath } from '../../model/snapshot-selector.ts';
import { chooseSnapshot } from '../choose-snapshot.ts';
import type { CommandRun } from '../command.ts';
import { countingContext } from '../counting-context.ts';
import type { ls } from '../definitions/looking.ts';
import { entryFields, entryLine } from '../entry-text.ts';
import { pathIn } from '../meant-path.ts';
import { openView } from '../open-view.ts';
import { printAll } from '../print-entries.ts';

export const run: CommandRun<typeof ls> = async (input, session) => {
  const { flags } = input;
  const { output, timeZone } = session;
  const wanted = splitSnapshotPath(input.arguments['SNAPSHOT[:PATH]'] ?? 'latest');
  await using view = await openView(input.arguments.URL, flags, session);
  const snapshot = chooseSnapshot(view.snapshots, wanted.snapshot, session);
  const context = countingContext(session);
  const path = await pathIn(view, snapshot, wanted.path, context);
  const entries = view.list({ snapshot, path }, flags.recursive || path === undefined, context);
  await printAll(entries, output, ({ path: below, entry, isSizeUnknown = false }) => {
    const options = { long: flags.long, timeZone, isSizeUnknown };
    if (output.json) output.object({ type: 'file', ...entryFields(below, entry, isSizeUnknown) });
    else output.line(entryLine(below, entry, options));
  });
  return context.errors > 0 ? 13 : 0;
};
