import { NOT_NAMED } from '../model/forget-plan.ts';
import type { RetentionGroup } from '../model/retention.ts';
import { displayPath, displayText, pathsFields } from './output/display-text.ts';
import type { CommandSession } from './session.ts';
import { shortId, timeText } from './snapshot-text.ts';

/** What becomes of the snapshots of a host and set of sources. With names, only what becomes of those: that they go, or why not. */
export function tellGroup(
  { hostname, paths, decisions }: RetentionGroup,
  isNamed: boolean,
  { output, timeZone }: CommandSession,
): void {
  const told = isNamed
    ? decisions.filter(({ reasons }) => !reasons.includes(NOT_NAMED))
    : decisions;
  if (told.length === 0) return;
  output.line(`Host ${displayText(hostname)}, ${paths.map(displayPath).join(', ')}:`);
  for (const { snapshot, keep, reasons } of told) {
    output.object({
      type: 'decision',
      id: snapshot.id,
      time: new Date(snapshot.time).toISOString(),
      host: hostname,
      ...pathsFields(paths),
      tags: snapshot.tags,
      keep,
      reasons,
    });
  }
  output.table(
    [{ title: '' }, { title: 'ID' }, { title: 'Time' }, { title: 'Tags' }, { title: 'Why' }],
    told.map(({ snapshot, keep, reasons }) => [
      keep ? 'keep' : 'forget',
      shortId(snapshot.id),
      timeText(snapshot.time, timeZone),
      snapshot.tags.map(displayText).join(','),
      keep ? reasons.join(', ') : '',
    ]),
  );
  output.line('');
}
