import type { CommandRun } from '../command.ts';
import type { monitorNagios } from '../definitions/monitor-nagios.ts';
import { judgeStatus } from '../judge-status.ts';

/** Called with flags before its name; otherwise `run-nagios.ts` is sooner. */
export const run: CommandRun<typeof monitorNagios> = async (input, session) => {
  const result = await judgeStatus(input, session);
  session.output.line(result.text);
  session.output.object({ type: 'nagios', status: result.status, text: result.text });
  return result.status;
};
