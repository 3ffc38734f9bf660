import { NewDirectories } from '../../engine/destination/new-directories.ts';
import { systemRandom } from '../../base/random.ts';
import type { CommandRun } from '../command.ts';
import type { destinationTest } from '../definitions/destination.ts';
import { openDestinationStorage } from '../open-destination-storage.ts';
import { operationContext } from '../operation-context.ts';
import { displayText } from '../output/display-text.ts';

export const run: CommandRun<typeof destinationTest> = async (input, session) => {
  const { output } = session;
  const [{ tryDestination }, opened] = await Promise.all([
    import('../../engine/destination/try-destination.ts'),
    openDestinationStorage(input.arguments.URL, input.flags, session),
  ]);
  await using storage = opened.storage;
  const isLocal = /^(?:par2\+)?file$/u.test(opened.url.scheme);
  output.note(`Trying ${displayText(isLocal ? storage.location : opened.destination)}`);
  // Of this machine only here can it be seen which directories were not there before.
  const made = isLocal ? await NewDirectories.on(storage.location) : undefined;
  await using _removed = { [Symbol.asyncDispose]: async () => made?.remove() };
  await using _cleared = {
    // A directory that stays is no reason to think less of the storage.
    [Symbol.asyncDispose]: async () => storage.removeMade?.().catch(() => undefined),
  };
  const trials = await tryDestination(
    storage,
    {
      transferSize: input.flags.size ?? 16 * 1024 ** 2,
      random: systemRandom,
      tell: (trial) =>
        output.object({ type: 'trial', ...trial, duration: Math.round(trial.duration) }),
    },
    operationContext(session),
  );
  output.table(
    [{ title: '' }, { title: 'What' }, { title: 'Seen' }, { title: 'Took', align: 'right' }],
    trials.map(({ name, outcome, seen, duration }) => [
      outcome === 'good' ? 'ok' : outcome === 'weak' ? '!' : 'FAILED',
      name,
      displayText(seen),
      duration < 1000 ? `${duration.toFixed(0)} ms` : `${(duration / 1000).toFixed(1)} s`,
    ]),
  );
  const advised = trials.filter(({ advice }) => advice !== undefined);
  if (advised.length > 0) output.line('');
  for (const { name, advice = '' } of advised) output.line(`${name}: ${displayText(advice)}`);
  const failed = trials.filter(({ outcome }) => outcome === 'failed').length;
  output.line('');
  output.line(
    failed === 0
      ? 'Backups can be kept here'
      : 'Backups cannot be kept here before what failed is put right',
  );
  return failed === 0 ? 0 : 1;
};
