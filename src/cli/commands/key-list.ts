import { listKeySlots } from '../../repository/native/keys/manage-slots.ts';
import type { CommandRun } from '../command.ts';
import type { keyList } from '../definitions/repository.ts';
import { displayText } from '../output/display-text.ts';
import { shortId, timeText } from '../snapshot-text.ts';
import { unlockDestination } from '../unlock-destination.ts';

export const run: CommandRun<typeof keyList> = async (input, session) => {
  const { output, signal, timeZone } = session;
  await using destination = await unlockDestination(input.arguments.URL, input.flags, session);
  const { storage, unlocked, credentials } = destination;
  const { slots, damaged } = await listKeySlots(storage, credentials, { signal });
  for (const error of damaged) output.report({ type: 'problem', severity: 'error', error });
  for (const { id, kind, opened } of slots) {
    output.object({
      type: 'key',
      id,
      kind,
      current: id === unlocked.slotId,
      role: opened?.role,
      label: opened?.label,
      created: opened?.created === undefined ? undefined : new Date(opened.created).toISOString(),
    });
  }
  output.table(
    [
      { title: '' },
      { title: 'ID' },
      { title: 'Opens with' },
      { title: 'Role' },
      { title: 'Label' },
      { title: 'Created' },
    ],
    slots.map(({ id, kind, opened }) => [
      id === unlocked.slotId ? '*' : '',
      shortId(id),
      kind === 'public key' ? 'age key' : kind === 'open' ? 'nothing' : kind,
      opened?.role ?? '',
      displayText(opened?.label ?? ''),
      opened?.created === undefined ? '' : timeText(opened.created, timeZone),
    ]),
  );
  if (slots.some(({ opened }) => opened === undefined)) {
    output.note('Of keys that did not open just now nothing more is known');
  }
  return damaged.length > 0 ? 13 : 0;
};
