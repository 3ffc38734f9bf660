import { findGenerated, removeGenerated } from '../../service/units/generated-files.ts';
import { disableUnits, enableUnits } from '../../service/units/unit-manager.ts';
import type { CommandRun } from '../command.ts';
import type { systemdRemove } from '../definitions/units.ts';
import { isManaged, isOfJobs, markLine, unitDirectory, unitNames } from '../units/systemd-units.ts';

export const run: CommandRun<typeof systemdRemove> = async (input, session) => {
  const { flags } = input;
  const { output, environment, signal } = session;
  const directory = unitDirectory(flags, session);
  const manager = { isUser: flags.user, environment, signal };
  const starts = await isManaged(flags);
  const found = await findGenerated(directory, unitNames, markLine);
  const removed = found.filter((name) => isOfJobs(name, input.arguments.JOB));
  if (starts) {
    const running = removed.filter((name) => name.endsWith('.timer') || !name.includes('@'));
    await disableUnits(running, manager);
  }
  await removeGenerated(directory, removed);
  if (starts && removed.length > 0) await enableUnits([], manager);
  output.object({ type: 'units', directory, written: [], removed, started: [] });
  for (const name of removed) output.line(`Removed: ${directory}/${name}`);
  if (removed.length === 0) output.note(`Nothing of Holdfast is in "${directory}"`);
  return 0;
};
