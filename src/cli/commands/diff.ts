import { formatCount, formatSize } from '../../base/size.ts';
import type { Change, Difference } from '../../engine/diff.ts';
import type { SnapshotView, ViewedPart } from '../../engine/view/snapshot-view.ts';
import { splitSnapshotPath } from '../../model/snapshot-selector.ts';
import { chooseSnapshot } from '../choose-snapshot.ts';
import type { CommandRun } from '../command.ts';
import { countingContext } from '../counting-context.ts';
import type { diff } from '../definitions/looking.ts';
import { entryFields, entryLine } from '../entry-text.ts';
import { pathIn } from '../meant-path.ts';
import { openView } from '../open-view.ts';
import { operationContext } from '../operation-context.ts';
import { pathFields } from '../output/display-text.ts';
import { printAll } from '../print-entries.ts';
import type { CommandSession } from '../session.ts';

const signs: Readonly<Record<Change, string>> = {
  added: '+',
  removed: '-',
  modified: 'M',
  metadata: 'U',
  type: 'T',
};

const here = Buffer.from('.');

export const run: CommandRun<typeof diff> = async (input, session) => {
  const { output, timeZone } = session;
  await using view = await openView(input.arguments.URL, input.flags, session);
  const context = countingContext(session);
  const before = await sideOf(view, input.arguments.A, session);
  const after = await sideOf(view, input.arguments.B, session);
  const { metadata } = input.flags;
  const differences = view.diff({ before, after, metadata }, context);
  const counts = { added: 0, removed: 0, modified: 0, metadata: 0, type: 0 };
  const bytes = { added: 0, removed: 0 };
  await printAll(differences, output, (difference) => {
    const { path, change, before: old, after: fresh } = difference;
    counts[change]++;
    if (change !== 'metadata') {
      bytes.removed += old?.size ?? 0;
      bytes.added += fresh?.size ?? 0;
    }
    if (output.json) output.object(differenceRecord(difference));
    const shown = path.length === 0 ? here : path;
    output.line(`${signs[change]} ${entryLine(shown, (fresh ?? old)!, { long: false, timeZone })}`);
  });
  output.object({
    type: 'summary',
    operation: 'diff',
    before: before.snapshot.id,
    after: after.snapshot.id,
    added: counts.added,
    removed: counts.removed,
    modified: counts.modified,
    metadata: counts.metadata,
    typeChanged: counts.type,
    bytesAdded: bytes.added,
    bytesRemoved: bytes.removed,
  });
  const parts = (Object.keys(counts) as Change[])
    .filter((change) => counts[change] > 0)
    .map((change) => `${formatCount(counts[change])} ${words[change]}`);
  output.note(
    parts.length === 0
      ? 'Nothing differs'
      : `${parts.join(', ')}; ${formatSize(bytes.added)} instead of ${formatSize(bytes.removed)}`,
  );
  return context.errors > 0 ? 13 : 0;
};

const words: Readonly<Record<Change, string>> = {
  added: 'added (+)',
  removed: 'removed (-)',
  modified: 'modified (M)',
  metadata: 'with other metadata (U)',
  type: 'of another type (T)',
};

async function sideOf(
  view: SnapshotView,
  text: string,
  session: CommandSession,
): Promise<ViewedPart> {
  const wanted = splitSnapshotPath(text);
  const snapshot = chooseSnapshot(view.snapshots, wanted.snapshot, session);
  return { snapshot, path: await pathIn(view, snapshot, wanted.path, operationContext(session)) };
}

function differenceRecord({ path, change, before, after }: Difference) {
  return {
    type: 'difference',
    change,
    ...pathFields(path),
    ...(before !== undefined && { before: entryFields(path, before) }),
    ...(after !== undefined && { after: entryFields(path, after) }),
  };
}
