import { AppError } from '../../base/errors.ts';
import { systemRandom } from '../../base/random.ts';
import { addKeySlot } from '../../repository/native/keys/manage-slots.ts';
import type { SlotProtection } from '../../repository/native/keys/seal-slot.ts';
import type { CommandInput, CommandRun } from '../command.ts';
import type { keyAdd } from '../definitions/repository.ts';
import type { CommandSession } from '../session.ts';
import { shortId } from '../snapshot-text.ts';
import { unlockDestination } from '../unlock-destination.ts';

export const run: CommandRun<typeof keyAdd> = async (input, session) => {
  const { output, clock, signal } = session;
  const { flags } = input;
  await using destination = await unlockDestination(input.arguments.URL, flags, session);
  const protection = await protectionOf(input, session);
  const { storage, unlocked } = destination;
  const id = await addKeySlot(storage, unlocked.ring, protection, {
    random: systemRandom,
    clock,
    signal,
    ...(flags.label !== undefined && { label: flags.label }),
  });
  output.object({ type: 'key', id, kind: protection.kind });
  output.note(`Added key ${shortId(id)}`);
  return 0;
};

async function protectionOf(
  { flags }: CommandInput<typeof keyAdd>,
  session: CommandSession,
): Promise<SlotProtection> {
  if (flags.recipient !== undefined) return { kind: 'public key', recipient: flags.recipient };
  const passphrase = await session.newPassphrase();
  // --insecure-no-passphrase says how the repository is opened, not that everybody else may open it, too.
  if (passphrase.reveal() === '') {
    throw new AppError('input/usage', 'A key is to be added and has no passphrase', {
      hint: 'Give --new-passphrase-file, --new-passphrase-command or --recipient',
    });
  }
  return { kind: 'passphrase', passphrase };
}
