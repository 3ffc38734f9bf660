import type { CommandRun } from '../command.ts';
import type { cronPrint } from '../definitions/units.ts';
import { wantedCronFile } from '../units/wanted-cron-file.ts';

export const run: CommandRun<typeof cronPrint> = async (input, session) => {
  const text = await wantedCronFile(input, session);
  session.output.object({ type: 'cron-file', text });
  session.output.line(text.trimEnd());
  return 0;
};
