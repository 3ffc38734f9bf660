import { splitSnapshotPath } from '../../model/snapshot-selector.ts';
import { chooseSnapshot } from '../choose-snapshot.ts';
import type { CommandRun } from '../command.ts';
import { countingContext } from '../counting-context.ts';
import type { ls } from '../definitions/looking.ts';
import { entryFields, entryLine } from '../entry-text.ts';
import { loadSnapshots } from '../load-snapshots.ts';
import { openDestination } from '../open-destination.ts';
import { printAll } from '../print-entries.ts';

export const run: CommandRun<typeof ls> = async (input, session) => {
  const { flags } = input;
  const { output, timeZone } = session;
  const wanted = splitSnapshotPath(input.arguments['SNAPSHOT[:PATH]'] ?? 'latest');
  const [repository, engine] = await Promise.all([
    openDestination(input.arguments.URL, flags, session, { mode: 'read' }),
    import('../../engine/list.ts'),
  ]);
  await using opened = repository;
  const snapshot = chooseSnapshot(await loadSnapshots(opened, session), wanted.snapshot, session);
  const context = countingContext(session);
  const entries = engine.listEntries(
    opened.access,
    {
      snapshot,
      path: wanted.path === undefined ? undefined : Buffer.from(wanted.path),
      recursive: flags.recursive || wanted.path === undefined,
    },
    context,
  );
  await printAll(entries, output, ({ path, entry }) => {
    if (output.json) output.object({ type: 'file', ...entryFields(path, entry) });
    else output.line(entryLine(path, entry, { long: flags.long, timeZone }));
  });
  return context.errors > 0 ? 13 : 0;
};
