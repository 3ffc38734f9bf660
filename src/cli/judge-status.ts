import { AppError, messageOf } from '../base/errors.ts';
import { type NagiosCheck, nagiosResult } from '../service/nagios/nagios-check.ts';
import { type NagiosResult, unknownResult } from '../service/nagios/nagios-result.ts';
import { readStatusFile } from '../service/status/read-status-file.ts';
import type { CliContext } from './context.ts';
import type { CommandInput } from './command.ts';
import type { monitorNagios } from './definitions/monitor-nagios.ts';
import { statusFileOf } from './status-file-of.ts';

/** What the plugin for Nagios says; never rejects, because whatever goes wrong is UNKNOWN. */
export async function judgeStatus(
  { flags }: Pick<CommandInput<typeof monitorNagios>, 'flags'>,
  context: Pick<CliContext, 'clock' | 'environment' | 'workingDirectory'>,
): Promise<NagiosResult> {
  try {
    const status = await readStatusFile(await statusFileOf(flags, context));
    return nagiosResult(status, {
      now: context.clock.now(),
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
