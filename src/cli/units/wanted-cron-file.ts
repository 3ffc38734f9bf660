import { machineTimeZone } from '../../base/given-time-zone.ts';
import { cronFile } from '../../service/units/cron-file.ts';
import type { CommandInput } from '../command.ts';
import type { cronPrint } from '../definitions/units.ts';
import { fullHostName } from '../jobs/full-host-name.ts';
import type { CommandSession } from '../session.ts';
import { unitSource } from './unit-source.ts';
import { PUBLIC_STATUS_FILE } from '../../service/status/read-status-file.ts';

export const defaultCronFile = '/etc/cron.d/holdfast';

/** The text of the file that flags ask for. */
export async function wantedCronFile(
  { flags }: Pick<CommandInput<typeof cronPrint>, 'flags'>,
  session: CommandSession,
): Promise<string> {
  const source = await unitSource(flags, session, { ofUser: false });
  return cronFile({
    ...source,
    user: flags.user ?? 'root',
    timeZone: session.timeZone,
    systemTimeZone: machineTimeZone(),
    knowsTimeZones: flags['cron-tz'],
    host: source.configuration.settings.hostname ?? (await fullHostName(session)),
    environment: {
      HOLDFAST_STATE_DIR: source.stateDirectory,
      HOLDFAST_CACHE_DIR: source.cacheDirectory,
      ...((flags.user ?? 'root') === 'root' && { HOLDFAST_STATUS_FILE: PUBLIC_STATUS_FILE }),
      ...source.environment,
    },
  });
}
