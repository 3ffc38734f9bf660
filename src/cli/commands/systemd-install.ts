import {
  findGenerated,
  removeGenerated,
  writeGenerated,
} from '../../service/units/generated-files.ts';
import { disableUnits, enableUnits } from '../../service/units/unit-manager.ts';
import type { CommandRun } from '../command.ts';
import type { systemdInstall } from '../definitions/units.ts';
import {
  isManaged,
  isOfJobs,
  markLine,
  unitDirectory,
  unitNames,
  wantedUnits,
} from '../units/systemd-units.ts';

export const run: CommandRun<typeof systemdInstall> = async (input, session) => {
  const { flags } = input;
  const { output, environment, signal } = session;
  const { files, active, notes } = await wantedUnits(input, session);
  const directory = unitDirectory(flags, session);
  const manager = { isUser: flags.user, environment, signal };
  const starts = await isManaged(flags);
  await writeGenerated(directory, files, markLine, { signal });
  const names = new Set(files.map(({ name }) => name));
  const found = await findGenerated(directory, unitNames, markLine);
  const stale = found.filter((name) => !names.has(name) && isOfJobs(name, input.arguments.JOB));
  if (starts) await disableUnits(stale.filter(hasState), manager);
  await removeGenerated(directory, stale);
  if (starts) await enableUnits(active, manager);
  output.object({
    type: 'units',
    directory,
    written: [...names],
    removed: stale,
    started: starts ? active : [],
  });
  for (const name of names) output.line(`Written: ${directory}/${name}`);
  for (const name of stale) output.line(`Removed: ${directory}/${name}`);
  for (const note of notes) output.note(note);
  const systemctl = `systemctl${flags.user ? ' --user' : ''}`;
  if (!starts && active.length > 0)
    output.note(
      `Next: ${systemctl} daemon-reload && ${systemctl} enable --now ${active.join(' ')}`,
    );
  if (flags.user) output.note('To run while you are not logged in: loginctl enable-linger');
  return 0;
};

/** Services of jobs are started by their timers alone. */
const hasState = (name: string): boolean => name.endsWith('.timer') || !name.includes('@');
