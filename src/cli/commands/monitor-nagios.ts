import { AppError, messageOf } from '../../base/errors.ts';
import {
  type NagiosCheck,
  nagiosResult,
  type NagiosResult,
  unknownResult,
} from '../../service/nagios/nagios-check.ts';
import { readStatusFile } from '../../service/status/status-file.ts';
import type { CommandInput, CommandRun } from '../command.ts';
import type { monitorNagios } from '../definitions/monitor.ts';
import type { CommandSession } from '../session.ts';
import { statusFileOf } from '../status-file-of.ts';

/** Whatever goes wrong is UNKNOWN: any other exit status would be taken for a verdict on the backups. */
export const run: CommandRun<typeof monitorNagios> = async (input, session) => {
  const result = await judge(input, session);
  session.output.line(result.text);
  session.output.object({ type: 'nagios', status: result.status, text: result.text });
  return result.status;
};

async function judge(
  { flags }: CommandInput<typeof monitorNagios>,
  session: CommandSession,
): Promise<NagiosResult> {
  try {
    const status = await readStatusFile(await statusFileOf(flags, session));
    return nagiosResult(status, {
      now: session.clock.now(),
      check: (flags.check ?? 'backup') as NagiosCheck,
      jobs: flags.job,
      warning: flags.warning,
      critical: flags.critical,
      isFailureCritical: flags['failure-critical'],
      isWarningAlert: flags['alert-warnings'],
      hasPerformanceData: flags.perfdata,
    });
  } catch (error) {
    return unknownResult(messageOf(error), error instanceof AppError ? error.hint : undefined);
  }
}
