import { AppError } from '../../base/errors.ts';
import { listKeySlots, removeKeySlot } from '../../repository/native/keys/manage-slots.ts';
import type { CommandRun } from '../command.ts';
import type { keyRemove } from '../definitions/repository.ts';
import { displayText } from '../output/display-text.ts';
import { shortId } from '../snapshot-text.ts';
import { unlockDestination } from '../unlock-destination.ts';

export const run: CommandRun<typeof keyRemove> = async (input, session) => {
  const { output, signal } = session;
  await using destination = await unlockDestination(input.arguments.URL, input.flags, session);
  const { storage, unlocked } = destination;
  // Without credentials nothing is opened: that would take a while for each key.
  const { slots, damaged } = await listKeySlots(storage, { kind: 'none' }, { signal });
  const ids = [...slots.map(({ id }) => id), ...damaged.flatMap(idOfDamaged)];
  const id = chosen(ids, input.arguments.KEY.toLowerCase());
  const isRemoved = await session.confirm(`Remove key ${shortId(id)}?`, input.flags.yes);
  if (!isRemoved) return 0;
  await removeKeySlot(storage, id, unlocked.slotId, { signal });
  output.object({ type: 'key-removed', id });
  output.note(`Removed key ${shortId(id)}`);
  return 0;
};

function idOfDamaged({ details }: AppError): string[] {
  const id = /[0-9a-f]{32}$/u.exec(String(details['object'] ?? ''))?.[0];
  return id === undefined ? [] : [id];
}

function chosen(ids: readonly string[], text: string): string {
  const fitting = text === '' ? [] : ids.filter((id) => id.startsWith(text));
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  throw new AppError(
    'input/invalid',
    only === undefined
      ? `There is no key "${displayText(text)}"`
      : `Several keys begin with "${displayText(text)}"`,
    { hint: '"holdfast key list" shows them' },
  );
}
