import { AppError } from '../../base/errors.ts';
import { systemRandom } from '../../base/random.ts';
import { changePassphrase } from '../../repository/native/keys/manage-slots.ts';
import type { CommandRun } from '../command.ts';
import type { keyPassphrase } from '../definitions/repository.ts';
import { shortId } from '../snapshot-text.ts';
import { unlockDestination } from '../unlock-destination.ts';

export const run: CommandRun<typeof keyPassphrase> = async (input, session) => {
  const { output, clock, signal } = session;
  await using destination = await unlockDestination(input.arguments.URL, input.flags, session);
  const passphrase = await session.newPassphrase();
  if (passphrase.reveal() === '') {
    throw new AppError('input/usage', 'The new passphrase is missing', {
      hint: 'Give --new-passphrase-file or --new-passphrase-command',
    });
  }
  const { storage, unlocked } = destination;
  const id = await changePassphrase(storage, unlocked, passphrase, {
    random: systemRandom,
    clock,
    signal,
  });
  output.object({ type: 'key', id, kind: 'passphrase' });
  output.note(
    unlocked.slotId === undefined
      ? `Added key ${shortId(id)} with the new passphrase`
      : `Changed the passphrase; the new key is ${shortId(id)}`,
  );
  return 0;
};
