import type { CommandRun } from '../command.ts';
import type { systemdPrint } from '../definitions/units.ts';
import { wantedUnits } from '../units/systemd-units.ts';

export const run: CommandRun<typeof systemdPrint> = async (input, session) => {
  const { output } = session;
  const { files, notes } = await wantedUnits(input, session);
  for (const { name, text } of files) {
    output.object({ type: 'unit', name, text });
    if (files.length > 1) output.line(`# ${name}`);
    output.line(text);
  }
  for (const note of notes) output.note(note);
  if (files.length === 0) output.note('There is no job');
  return 0;
};
